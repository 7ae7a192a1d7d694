import path from 'node:path';
import { placesOf } from '../../cache/keys/scope.ts';
import { cacheVersion } from '../../cache/keys/version.ts';
import { createPathLayout } from '../../cache/paths/paths.ts';
import type { CacheInputs } from '../inputs/cache-inputs.ts';
import { badInputSentence } from '../inputs/input-names.ts';
import { type ActionInputs, parseInputs } from '../inputs/inputs.ts';
import { BadInputError, type Environment } from '../inputs/read-input.ts';
import { resolveTarget } from '../inputs/target.ts';
import { decideAccess, githubAccess } from '../run/policy.ts';
import type { RunContext } from '../run/run-context.ts';
import type { Runner } from '../runner/runner.ts';

/** All decisions of a step before its first request. */
export type StepPlan = Readonly<ReturnType<typeof planStep>>;

/** Makes all decisions of a step. Sends no request. Throws `BadInputError`. */
export function planStep(
  inputs: ActionInputs,
  context: RunContext,
  options: { readonly env: Environment; readonly saves: boolean },
) {
  const target = resolveTarget(inputs, { ...options, forkPullRequest: context.isFromFork });
  const access = target.kind === 'github' ? githubAccess(context) : decideAccess(context, inputs.scope);
  const layout = createPathLayout({
    lines: inputs.paths,
    workspace: context.workspace,
    home: context.home,
    platformPath: path,
  });
  const version = cacheVersion({
    storedLines: layout.storedLines,
    platform: process.platform,
    crossOs: inputs.crossOs,
  });
  const places = placesOf({
    scope: inputs.scope,
    prefix: inputs.prefix,
    version,
    repository: context.repository,
    readRefs: access.readRefs,
    writeRef: access.writeRef,
  });
  return { inputs, context, target, access, layout, places, version };
}

/**
 * Plans the step from its inputs. If an input is bad, calls `refuse` with one sentence and returns undefined. Warns of inputs
 * without an effect, but not again after the restore step.
 */
export function planOrRefuse(
  runner: Runner,
  context: RunContext,
  options: {
    readonly saves: boolean;
    /** Inputs that the restore step has read. */
    readonly remembered?: CacheInputs | undefined;
    /** The environment for the decisions about the bucket. Default: the runner's. */
    readonly bucketEnv?: Environment;
    readonly refuse: (sentence: string) => void;
  },
): StepPlan | undefined {
  const { env } = runner;
  const { saves, remembered, bucketEnv = env, refuse } = options;
  try {
    const plan = planStep(parseInputs(env, remembered), context, { env: bucketEnv, saves });
    if (!remembered) warnIgnored(runner, plan);
    return plan;
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    refuse(badInputSentence(error, env));
    return undefined;
  }
}

/** Warns of inputs that have no effect because no bucket is set. */
function warnIgnored({ log }: Runner, { target }: StepPlan): void {
  if (target.kind !== 'github' || target.ignored.length === 0) return;
  const names = target.ignored.map(name => `'${name}'`).join(', ');
  log.warning(
    `Input 'bucket' is empty, so GitHub's cache is used and ${names} ${target.ignored.length === 1 ? 'has' : 'have'} no effect: set 'bucket' to use a bucket.`,
  );
}

/** Returns the sentence of actions/cache for an event without a branch or tag, word for word. Returns undefined if it has one. */
export function eventProblem({ ref, eventName }: RunContext): string | undefined {
  if (ref !== '') return undefined;
  return `Event Validation Error: The event type ${eventName} is not supported because it's not tied to a branch or tag ref.`;
}
