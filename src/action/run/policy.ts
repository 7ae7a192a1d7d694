import type { Scope } from '../../cache/keys/scope.ts';
import type { Environment } from '../inputs/read-input.ts';
import type { RunContext } from './event.ts';
import { readTokenScopes, type TokenScope } from './token.ts';

/** May, or one clause on why not. */
export type Permission = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** What this run may do with the cache. */
export interface Access {
  readonly read: Permission;
  readonly write: Permission;
  /** The refs whose entries may be read, nearest first. */
  readonly readRefs: readonly string[];
  readonly writeRef: string;
}

const allowed: Permission = { allowed: true };
const denied = (reason: string): Permission => ({ allowed: false, reason });

/** Events whose code has been accepted into the repository, or that write to a ref of their own. */
const WRITING_EVENTS = new Set([
  'push',
  'schedule',
  'workflow_dispatch',
  'repository_dispatch',
  'merge_group',
  'release',
  'pull_request',
]);

/**
 * GitHub's rules for its own cache, applied to the bucket. This is what the action does; whoever holds the bucket's
 * credentials can do more.
 */
export function decideAccess(context: RunContext, scope: Scope, env: Environment): Access {
  const tokenScopes = readTokenScopes(env);
  const order = [context.ref, context.baseRef, context.defaultRef].filter(ref => ref !== undefined);
  const readRefs =
    tokenScopes === undefined
      ? order
      : byPrecedence(
          tokenScopes.filter(({ read }) => read).map(({ ref }) => ref),
          order,
        );
  return {
    read: readRefs.length === 0 ? denied("the run's token names no cache to read") : readMode(env),
    write: writePermission(context, scope, env, tokenScopes),
    readRefs: [...new Set(readRefs)],
    writeRef: writeRef(context, tokenScopes),
  };
}

/**
 * Without a bucket: GitHub's service knows what the run's token allows and decides as it does for actions/cache. Only
 * ACTIONS_CACHE_MODE is obeyed here as well.
 */
export function githubAccess(context: RunContext, env: Environment): Access {
  return {
    read: readMode(env),
    write: writeMode(env),
    readRefs: [context.ref],
    writeRef: context.ref,
  };
}

/** The known refs first, in their order; what else the token names after them. */
function byPrecedence(refs: readonly string[], order: readonly string[]): readonly string[] {
  const rank = (ref: string) => (order.includes(ref) ? order.indexOf(ref) : order.length);
  return refs.toSorted((a, b) => rank(a) - rank(b));
}

function writeRef(context: RunContext, tokenScopes: readonly TokenScope[] | undefined): string {
  const writable = tokenScopes?.filter(({ write }) => write).map(({ ref }) => ref) ?? [];
  return writable.includes(context.ref) ? context.ref : (writable[0] ?? context.ref);
}

function readMode(env: Environment): Permission {
  const mode = env.ACTIONS_CACHE_MODE;
  return mode === 'none' || mode === 'write-only' ? denied(`ACTIONS_CACHE_MODE is ${mode}`) : allowed;
}

function writeMode(env: Environment): Permission {
  const mode = env.ACTIONS_CACHE_MODE;
  return mode === 'none' || mode === 'read' ? denied(`ACTIONS_CACHE_MODE is ${mode}`) : allowed;
}

function writePermission(
  context: RunContext,
  scope: Scope,
  env: Environment,
  tokenScopes: readonly TokenScope[] | undefined,
): Permission {
  if (scope !== 'ref' && context.pullRequest) {
    return denied(`with scope '${scope}' a pull request only reads`);
  }
  const byMode = writeMode(env);
  if (!byMode.allowed) return byMode;
  if (tokenScopes !== undefined) {
    const writable = tokenScopes.some(({ write }) => write);
    return writable ? allowed : denied("the run's token only reads");
  }
  if (env.ACTIONS_CACHE_MODE === 'write' || env.ACTIONS_CACHE_MODE === 'write-only') return allowed;
  if (WRITING_EVENTS.has(context.eventName)) return allowed;
  // Others run with the default branch's ref although anyone may have caused them (issue_comment, workflow_run).
  if (context.defaultRef !== undefined && context.ref !== context.defaultRef) return allowed;
  return denied(`the event '${context.eventName}' only reads the default branch's cache`);
}

/** Whether the post step saves, from how the job went. `job.status` is '' on runners that do not tell. */
export function decideSave(jobStatus: string, saveAlways: boolean): Permission {
  if (jobStatus === 'cancelled') return denied('the job was cancelled');
  if (jobStatus === 'failure' && !saveAlways) return denied('the job failed and save-always is not set');
  return allowed;
}
