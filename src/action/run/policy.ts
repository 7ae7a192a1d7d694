import type { Scope } from '../../cache/keys/scope.ts';
import type { RunContext } from './run-context.ts';

/** A right that the run has or does not have. `reason` is one clause. */
type Permission = { readonly isAllowed: true } | { readonly isAllowed: false; readonly reason: string };

/** The rights of this run on the cache. */
export interface Access {
  readonly read: Permission;
  readonly write: Permission;
  /** The refs whose entries may be read, nearest first, each once. */
  readonly readRefs: readonly string[];
  readonly writeRef: string;
}

const allowed: Permission = { isAllowed: true };
const deny = (reason: string): Permission => ({ isAllowed: false, reason });

/** Events that run code of the repository itself, or that write to a ref of their own. */
const WRITING_EVENTS = new Set([
  'push',
  'schedule',
  'workflow_dispatch',
  'repository_dispatch',
  'merge_group',
  'release',
  'pull_request',
]);

/** The values of ACTIONS_CACHE_MODE that forbid reading a cache, and those that forbid saving one. */
const NO_READ = ['none', 'write-only'];
const NO_WRITE = ['none', 'read'];

/**
 * Applies GitHub's rules for its own cache to the bucket. They restrict the action, but not other code that can read the
 * bucket's credentials.
 */
export function decideAccess(context: RunContext, scope: Scope): Access {
  const { tokenScopes } = context;
  const order = [context.ref, context.baseRef, context.defaultRef].filter(ref => ref !== undefined);
  const readable = tokenScopes?.filter(({ mayRead }) => mayRead).map(({ ref }) => ref);
  const readRefs = readable === undefined ? order : sortRefs(readable, order);
  return {
    read:
      readRefs.length === 0
        ? deny("the run's token gives no right to read a cache")
        : checkMode(context, NO_READ),
    write: decideWrite(context, scope),
    readRefs: [...new Set(readRefs)],
    writeRef: chooseWriteRef(context),
  };
}

/**
 * Returns the rights of a run without a bucket. Only ACTIONS_CACHE_MODE is obeyed here: GitHub's service itself enforces the
 * rights of the run's token, as for actions/cache.
 */
export function githubAccess(context: RunContext): Access {
  return {
    read: checkMode(context, NO_READ),
    write: checkMode(context, NO_WRITE),
    readRefs: [context.ref],
    writeRef: context.ref,
  };
}

/** Sorts the refs of the token: first those of the event, in the order of the event, and then all others. */
function sortRefs(refs: readonly string[], order: readonly string[]): readonly string[] {
  const rank = (ref: string) => (order.includes(ref) ? order.indexOf(ref) : order.length);
  return refs.toSorted((a, b) => rank(a) - rank(b));
}

/** Returns the run's own ref, or another one if the token allows writing only to that. */
function chooseWriteRef({ ref, tokenScopes }: RunContext): string {
  const writable = tokenScopes?.filter(({ mayWrite }) => mayWrite).map(scope => scope.ref) ?? [];
  return writable.includes(ref) ? ref : (writable[0] ?? ref);
}

/** Decides by ACTIONS_CACHE_MODE alone. */
function checkMode({ cacheMode }: RunContext, forbidding: readonly string[]): Permission {
  return forbidding.includes(cacheMode) ? deny(`ACTIONS_CACHE_MODE is ${cacheMode}`) : allowed;
}

function decideWrite(context: RunContext, scope: Scope): Permission {
  const { eventName, ref, defaultRef, tokenScopes } = context;
  if (scope !== 'ref' && context.isPullRequest) {
    return deny(`with scope '${scope}' a pull request may only read`);
  }
  const byMode = checkMode(context, NO_WRITE);
  if (!byMode.isAllowed) return byMode;
  if (tokenScopes?.some(({ mayWrite }) => mayWrite) === false) {
    return deny("the run's token gives no right to write a cache");
  }
  // For a place that all refs share, the right on one ref is not enough: the event must allow it too
  if (tokenScopes !== undefined && scope === 'ref') return allowed;
  if (WRITING_EVENTS.has(eventName)) return allowed;
  // Users without rights can cause other events (issue_comment, workflow_run), which run on the default branch
  if (defaultRef !== undefined && ref !== defaultRef) return allowed;
  return deny(`the event '${eventName}' may only read the default branch's cache`);
}

/** Decides by the job's status whether the post step saves. The status is '' on runners that do not set it. */
export function decideSave(jobStatus: string, saveAlways: boolean): Permission {
  if (jobStatus === 'cancelled') return deny('the job was cancelled');
  if (jobStatus === 'failure' && !saveAlways) return deny('the job failed and save-always is not set');
  return allowed;
}
