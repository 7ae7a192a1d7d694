import { homedir } from 'node:os';
import path from 'node:path';
import { matchOrder } from '../../cache/keys/match-order.ts';
import { type Spaces, spacesOf } from '../../cache/keys/scope.ts';
import { cacheVersion } from '../../cache/keys/version.ts';
import { createPathLayout, type StepLayout } from '../../cache/paths/paths.ts';
import type { LookupRequest } from '../../storage/backend.ts';
import type { ActionInputs } from '../inputs/inputs.ts';
import type { Environment } from '../inputs/read-input.ts';
import { resolveTarget, type Target } from '../inputs/target.ts';
import { type RunContext, readRunContext } from '../run/event.ts';
import { type Access, decideAccess, githubAccess } from '../run/policy.ts';

/** Everything a step has decided before it asks anybody. */
export interface StepPlan {
  readonly inputs: ActionInputs;
  readonly context: RunContext;
  readonly target: Target;
  readonly access: Access;
  readonly layout: StepLayout;
  readonly spaces: Spaces;
  readonly version: string;
}

/** Decides. Moves no byte and asks no server. Throws `BadInputError`. */
export async function planStep(inputs: ActionInputs, env: Environment): Promise<StepPlan> {
  const context = readRunContext(env);
  const target = resolveTarget(inputs, { env, forkPullRequest: context.fork });
  const access =
    target.kind === 'github' ? githubAccess(context, env) : decideAccess(context, inputs.scope, env);
  const layout = await createPathLayout({
    patterns: inputs.paths,
    workspace: env.GITHUB_WORKSPACE || process.cwd(),
    home: homeDirectory(),
    platformPath: path,
  });
  const version = cacheVersion({
    storedLines: layout.storedLines,
    platform: process.platform,
    crossOs: inputs.crossOs,
  });
  const spaces = spacesOf({
    scope: inputs.scope,
    prefix: inputs.prefix,
    version,
    repository: context.repository,
    readRefs: access.readRefs,
    writeRef: access.writeRef,
  });
  return { inputs, context, target, access, layout, spaces, version };
}

/** The questions of this step, for any backend. */
export function lookupRequest(plan: StepPlan, signal: AbortSignal): LookupRequest {
  const { key, restoreKeys, paths, crossOs } = plan.inputs;
  return {
    primaryKey: key,
    restoreKeys,
    paths,
    crossOs,
    version: plan.version,
    plan: matchOrder(plan.spaces.read, key, restoreKeys),
    elsewhere: plan.spaces.elsewhere,
    signal,
  };
}

/** undefined: the event is tied to a branch or tag; else actions/cache's sentence, word for word. */
export function eventProblem(env: Environment): string | undefined {
  if (env.GITHUB_REF) return undefined;
  const event = env.GITHUB_EVENT_NAME ?? '';
  return `Event Validation Error: The event type ${event} is not supported because it's not tied to a branch or tag ref.`;
}

/** A user without a home directory has `~` at the root, where it maps nothing. */
function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return path.parse(process.cwd()).root;
  }
}
