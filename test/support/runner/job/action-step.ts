import path from 'node:path';
import { type ActionManifest, readManifest } from '../definitions/action-manifest.ts';
import { evaluateText, evaluateTexts } from '../definitions/expressions.ts';
import type { JobSpec, StepSpec } from '../definitions/workflow-file.ts';
import type { StepResult } from '../model.ts';
import { inputVariables, stateVariables } from '../process/step-variables.ts';
import { resolveInputs } from './action-inputs.ts';
import { invokeStep } from './invoke.ts';
import type { JobState, StepFrame } from './job-state.ts';
import { performRun } from './run-step.ts';
import { type Performed, runStep, type StepContext, type StepWork } from './step.ts';

/** Returns the work of a step, with the job's defaults for `run`. */
export function workOf(spec: StepSpec, defaults: JobSpec['defaults'], order: number): StepWork {
  const defaultOf = (name: string) => defaults.map(mapping => mapping?.find(name)).find(token => token);
  return {
    id: spec.id,
    stage: 'main',
    condition: spec.condition,
    env: spec.env,
    continueOnError: spec.continueOnError,
    timeoutMinutes: spec.timeoutMinutes,
    name: async scope => {
      if (spec.name !== undefined) return evaluateText(spec.name, scope);
      if (spec.uses !== undefined) return `Run ${spec.uses}`;
      return `Run ${(await evaluateText(spec.run, scope)).trimStart().split('\n')[0] ?? order}`;
    },
    perform: context =>
      spec.uses === undefined ? performRun(spec, defaultOf, context) : performUses(spec, spec.uses, context),
  };
}

async function performUses(spec: StepSpec, uses: string, context: StepContext): Promise<Performed> {
  const manifest = await readManifest(locate(uses, context.job));
  return manifest.runs.using === 'composite'
    ? performComposite(spec, manifest, manifest.runs.steps, context)
    : performNode(spec, manifest, manifest.runs, context);
}

async function performNode(
  spec: StepSpec,
  manifest: ActionManifest,
  runs: Extract<ActionManifest['runs'], { using: 'node' }>,
  context: StepContext,
): Promise<Performed> {
  const state: Record<string, string> = {};
  const stage = async (file: string, now: StepContext) => {
    const inputs = await inputsOf(spec, manifest, now);
    const result = await invokeStep(now, {
      command: process.execPath,
      args: [path.join(manifest.directory, file)],
      cwd: context.job.places.workspace,
      kind: 'action',
      variables: { GITHUB_ACTION: spec.id, ...inputVariables(inputs), ...stateVariables(state) },
    });
    Object.assign(state, result.state);
    return result;
  };
  const { post } = runs;
  const mainName = await workOf(spec, [], 0).name(context.scope);
  // Registered before main runs, so that it runs after a main that fails or is cancelled
  if (post !== undefined)
    context.job.posts.push({
      id: spec.id,
      stage: 'post',
      name: async () => `Post ${mainName}`,
      condition: runs.postIf,
      env: spec.env,
      continueOnError: spec.continueOnError,
      timeoutMinutes: spec.timeoutMinutes,
      // With the step's own frame, as `with` may use inputs and steps of the composite action around it
      perform: async ({ job, log, stop }) => {
        const frame = context.frame;
        const env = await evaluateTexts(spec.env, job.scope(frame));
        const { outputs: _dropped, ...result } = await stage(post, {
          job,
          log,
          stop,
          frame,
          env,
          scope: job.scope(frame, () => env),
        });
        return result;
      },
    });
  return stage(runs.main, context);
}

async function performComposite(
  spec: StepSpec,
  manifest: ActionManifest,
  steps: readonly StepSpec[],
  context: StepContext,
): Promise<Performed> {
  const { job } = context;
  const frame: StepFrame = {
    steps: {},
    status: 'success',
    inputs: await inputsOf(spec, manifest, context),
    env: { ...context.frame.env, ...context.env },
    github: { ...context.frame.github, action_path: manifest.directory },
    stop: context.stop,
    log: context.log,
    secrets: {},
  };
  const inner: StepResult[] = [];
  for (const [index, step] of steps.entries()) inner.push(await runStep(workOf(step, [], index), job, frame));
  const scope = job.scope(frame);
  const outputs: Record<string, string> = {};
  for (const { id, value } of manifest.outputs) outputs[id] = await evaluateText(value, scope);
  return { outcome: frame.status === 'success' ? 'success' : 'failure', outputs, inner };
}

/** Resolves the inputs of a step, whose log gets the runner's warnings about them. */
async function inputsOf(spec: StepSpec, manifest: ActionManifest, { scope, log }: StepContext) {
  const { inputs, warnings } = await resolveInputs(manifest, await evaluateTexts(spec.inputs, scope), scope);
  for (const warning of warnings) log.annotate('warning', warning);
  return inputs;
}

/** Returns the directory of `uses`: one that the test lists, with or without `@ref`, or one of the workspace. */
function locate(uses: string, job: JobState): string {
  const listed = job.options.actions ?? {};
  const direct = listed[uses] ?? listed[uses.replace(/@.*$/, '')];
  if (direct !== undefined) return direct;
  if (uses.startsWith('./')) return path.resolve(job.places.workspace, uses);
  const [, repository = '', below = '', ref = ''] = /^([^/@]+\/[^/@]+)(\/[^@]+)?(@.*)?$/.exec(uses) ?? [];
  const root = listed[`${repository}${ref}`] ?? listed[repository];
  if (root !== undefined) return path.join(root, below);
  throw new Error(`Unable to resolve action ${uses}: the test lists no directory for it`);
}
