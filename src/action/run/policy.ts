import type { Scope } from '../../cache/keys/scope.ts';
import type { RunContext } from './run-context.ts';

/** A right, or one clause on why the run does not have it. */
type Permission = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** The rights of this run on the cache. */
export interface Access {
  readonly read: Permission;
  readonly write: Permission;
  /** The refs whose entries may be read, nearest first, each once. */
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
 * Applies GitHub's rules for its own cache to the bucket. They restrict the action; code that can read the bucket's
 * credentials can do more.
 */
export function decideAccess(context: RunContext, scope: Scope): Access {
  const { tokenScopes } = context;
  const order = [context.ref, context.baseRef, context.defaultRef].filter(ref => ref !== undefined);
  const readable = tokenScopes?.filter(({ read }) => read).map(({ ref }) => ref);
  const readRefs = readable === undefined ? order : byPrecedence(readable, order);
  return {
    read:
      readRefs.length === 0 ? denied("the run's token gives no right to read a cache") : readMode(context),
    write: writePermission(context, scope),
    readRefs: [...new Set(readRefs)],
    writeRef: writeRef(context),
  };
}

/**
 * Returns the rights of a run without a bucket: GitHub's service enforces those of the run's token itself, as for
 * actions/cache. Only ACTIONS_CACHE_MODE is obeyed here too.
 */
export function githubAccess(context: RunContext): Access {
  return {
    read: readMode(context),
    write: writeMode(context),
    readRefs: [context.ref],
    writeRef: context.ref,
  };
}

/** Sorts the refs of the event first, in their order; other refs of the token follow. */
function byPrecedence(refs: readonly string[], order: readonly string[]): readonly string[] {
  const rank = (ref: string) => (order.includes(ref) ? order.indexOf(ref) : order.length);
  return refs.toSorted((a, b) => rank(a) - rank(b));
}

function writeRef({ ref, tokenScopes }: RunContext): string {
  const writable = tokenScopes?.filter(({ write }) => write).map(scope => scope.ref) ?? [];
  return writable.includes(ref) ? ref : (writable[0] ?? ref);
}

function readMode({ cacheMode }: RunContext): Permission {
  return deniedIn(['none', 'write-only'], cacheMode);
}

function writeMode({ cacheMode }: RunContext): Permission {
  return deniedIn(['none', 'read'], cacheMode);
}

function deniedIn(modes: readonly string[], cacheMode: string): Permission {
  return modes.includes(cacheMode) ? denied(`ACTIONS_CACHE_MODE is ${cacheMode}`) : allowed;
}

function writePermission(context: RunContext, scope: Scope): Permission {
  const { eventName, ref, defaultRef, tokenScopes } = context;
  if (scope !== 'ref' && context.pullRequest) {
    return denied(`with scope '${scope}' a pull request may only read`);
  }
  const byMode = writeMode(context);
  if (!byMode.allowed) return byMode;
  if (tokenScopes !== undefined) {
    if (!tokenScopes.some(({ write }) => write))
      return denied("the run's token gives no right to write a cache");
    // A right on one ref is none on a place that all refs share: there the event must allow it too
    if (scope === 'ref') return allowed;
  }
  if (WRITING_EVENTS.has(eventName)) return allowed;
  // Users without rights can trigger other events (issue_comment, workflow_run), which run on the default branch
  if (defaultRef !== undefined && ref !== defaultRef) return allowed;
  return denied(`the event '${eventName}' may only read the default branch's cache`);
}

/** Decides by the job's status whether the post step saves. The status is '' on runners that do not set it. */
export function decideSave(jobStatus: string, saveAlways: boolean): Permission {
  if (jobStatus === 'cancelled') return denied('the job was cancelled');
  if (jobStatus === 'failure' && !saveAlways) return denied('the job failed and save-always is not set');
  return allowed;
}
