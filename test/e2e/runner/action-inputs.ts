import type { ActionManifest } from './action-manifest.ts';
import { evaluateText, evaluateTexts } from './expressions.ts';
import type { StepContext } from './step.ts';
import type { StepSpec } from './workflow-file.ts';

/**
 * The inputs of an action as it sees them now: the user's `with`, and the action's defaults for names that are absent
 * (an empty value is a value). Evaluated again for the post step, so `hashFiles` and `job.status` may differ there.
 * Warns as the runner does about names that the action does not know, and about deprecated ones.
 */
export async function resolveInputs(
  spec: StepSpec,
  manifest: ActionManifest,
  context: StepContext,
): Promise<Record<string, string>> {
  const given = await evaluateTexts(spec.inputs, context.scope);
  const known = new Map(manifest.inputs.map(input => [input.id.toLowerCase(), input]));
  const inputs: Record<string, string> = {};
  const unexpected: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const input = known.get(name.toLowerCase());
    inputs[input?.id ?? name] = value;
    if (input === undefined) unexpected.push(name);
    else if (input.deprecation !== undefined)
      context.log.annotate(
        'warning',
        `Input '${name}' has been deprecated with message: ${input.deprecation}`,
      );
  }
  if (unexpected.length > 0) {
    const valid = manifest.inputs.map(input => input.id).join("', '");
    const list = unexpected.join("', '");
    context.log.annotate('warning', `Unexpected input(s) '${list}', valid inputs are ['${valid}']`);
  }
  const defaults = defaultScope(context);
  for (const { id, default: token } of manifest.inputs) {
    if (!(id in inputs) && token !== undefined) inputs[id] = await evaluateText(token, defaults);
  }
  return inputs;
}

/** Defaults see less than a workflow does. */
function defaultScope({ scope }: StepContext): StepContext['scope'] {
  return {
    ...scope,
    contexts() {
      const { github, strategy, matrix, job, runner } = scope.contexts();
      return { github, strategy, matrix, job, runner };
    },
  };
}

/** INPUT_ names: upper case, spaces to `_`, dashes kept. */
export function inputVariables(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      value,
    ]),
  );
}
