import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index';
import { convertActionTemplate, NoOperationTraceWriter, parseAction } from './parser.ts';
import { asMapping, failOn, type StepSpec, toSteps } from './workflow-file.ts';

/** An action.yml, read with GitHub's own parser (which also lints it). */
export interface ActionManifest {
  readonly directory: string;
  readonly name: string;
  readonly inputs: readonly {
    readonly id: string;
    readonly default: TemplateToken | undefined;
    readonly deprecation: string | undefined;
  }[];
  /** Only a composite action gives values. */
  readonly outputs: readonly { readonly id: string; readonly value: TemplateToken | undefined }[];
  readonly runs:
    | {
        readonly using: 'node';
        readonly main: string;
        readonly post: string | undefined;
        readonly postIf: string;
      }
    | { readonly using: 'composite'; readonly steps: readonly StepSpec[] };
}

/** Reads the action.yml of a directory. @throws Error with the parser's objections. */
export async function readManifest(directory: string): Promise<ActionManifest> {
  const { name, content } = await findFile(directory);
  const { context, value } = parseAction({ name, content }, new NoOperationTraceWriter());
  failOn(name, context.errors.getErrors());
  if (value === undefined) throw new Error(`${name} is empty`);
  const template = convertActionTemplate(context, value);
  failOn(name, context.errors.getErrors());
  const rawRuns = asMapping(asMapping(value)?.find('runs'));
  return {
    directory,
    name: template.name,
    inputs: (template.inputs ?? []).map(({ id, default: token, deprecationMessage }) => ({
      id,
      default: token,
      deprecation: deprecationMessage,
    })),
    outputs: (template.outputs ?? []).map(({ id, value: token }) => ({ id, value: token })),
    runs: toRuns(name, template.runs, rawRuns?.find('steps'), rawRuns?.find('post-if')),
  };
}

function toRuns(
  name: string,
  runs: ReturnType<typeof convertActionTemplate>['runs'],
  steps: TemplateToken | undefined,
  postIf: TemplateToken | undefined,
): ActionManifest['runs'] {
  if (runs.using === 'composite') return { using: 'composite', steps: toSteps(runs.steps, steps) };
  if (runs.using === 'docker' || runs.pre !== undefined)
    throw new Error(`${name} uses a container or 'pre', which this runner cannot do`);
  // The parser drops a condition that it cannot read, without an error
  if (postIf !== undefined && runs.postIf === undefined) throw new Error(`${name}: post-if is not valid`);
  return { using: 'node', main: runs.main, post: runs.post, postIf: runs.postIf ?? 'always()' };
}

async function findFile(directory: string): Promise<{ name: string; content: string }> {
  for (const file of ['action.yml', 'action.yaml']) {
    const name = path.join(directory, file);
    try {
      return { name, content: await readFile(name, 'utf8') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`Can't find 'action.yml' or 'action.yaml' under '${directory}'`);
}
