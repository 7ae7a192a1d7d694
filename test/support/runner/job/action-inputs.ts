import type { ActionManifest } from '../definitions/action-manifest.ts';
import { type ExpressionScope, evaluateText } from '../definitions/expressions.ts';

interface ResolvedInputs {
  readonly inputs: Readonly<Record<string, string>>;
  /** The runner's warnings about names that the action does not declare, and about deprecated ones. */
  readonly warnings: readonly string[];
}

/**
 * Returns the inputs of an action: `given`, which are the step's `with`, and the action's defaults for names that are
 * absent (an empty value is a value). A post step evaluates both again, so `hashFiles` and `job.status` may differ there.
 */
export async function resolveInputs(
  manifest: ActionManifest,
  given: Readonly<Record<string, string>>,
  scope: ExpressionScope,
): Promise<ResolvedInputs> {
  const known = new Map(manifest.inputs.map(input => [input.id.toLowerCase(), input]));
  const inputs: Record<string, string> = {};
  const unexpected: string[] = [];
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const input = known.get(name.toLowerCase());
    inputs[input?.id ?? name] = value;
    if (input === undefined) unexpected.push(name);
    else if (input.deprecation !== undefined)
      warnings.push(`Input '${name}' has been deprecated with message: ${input.deprecation}`);
  }
  if (unexpected.length > 0) {
    const valid = manifest.inputs.map(input => input.id).join("', '");
    warnings.push(`Unexpected input(s) '${unexpected.join("', '")}', valid inputs are ['${valid}']`);
  }
  for (const { id, default: token } of manifest.inputs) {
    if (!(id in inputs) && token !== undefined) inputs[id] = await evaluateText(token, defaultScope(scope));
  }
  return { inputs, warnings };
}

/** Defaults may use fewer contexts than a workflow. */
function defaultScope(scope: ExpressionScope): ExpressionScope {
  return {
    ...scope,
    contexts() {
      const { github, strategy, matrix, job, runner } = scope.contexts();
      return { github, strategy, matrix, job, runner };
    },
  };
}
