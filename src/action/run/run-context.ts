import { readFileSync } from 'node:fs';
import type { Environment } from '../inputs/read-input.ts';
import { readTokenScopes, type TokenScope } from './token.ts';

/** The run and its event, as far as caching depends on them. */
export interface RunContext {
  readonly eventName: string;
  /** GITHUB_REF: `refs/heads/main`, `refs/pull/7/merge`, `refs/tags/v1`; '' if the event has none. */
  readonly ref: string;
  /** `owner/name`. */
  readonly repository: string;
  /** Full ref; undefined if the event does not contain it. */
  readonly defaultRef: string | undefined;
  /** Full ref that a pull request or a merge group will be merged into. */
  readonly baseRef: string | undefined;
  readonly pullRequest: boolean;
  /** A pull request whose code comes from another repository. */
  readonly fork: boolean;
  /** Scopes of the run's token; undefined if it has none. */
  readonly tokenScopes: readonly TokenScope[] | undefined;
  /** ACTIONS_CACHE_MODE: `none`, `read`, `write` or `write-only`; '' where the runner sets none. */
  readonly cacheMode: string;
  /** Absolute path of the checkout. */
  readonly workspace: string;
  /** Number of the run, '' where the runner sets none. */
  readonly runId: string;
  readonly runAttempt: string;
  /** Commit that started the run, '' where the runner sets none. */
  readonly sha: string;
}

const PULL_REQUEST_EVENTS = new Set([
  'pull_request',
  'pull_request_target',
  'pull_request_review',
  'pull_request_review_comment',
]);

/** The parts of GitHub's event payload that are read here. */
interface Payload {
  readonly repository?: { readonly default_branch?: string; readonly full_name?: string };
  readonly pull_request?: {
    readonly base?: { readonly ref?: string };
    readonly head?: { readonly repo?: { readonly full_name?: string } | null };
  };
  readonly merge_group?: { readonly base_ref?: string };
}

/** Reads the run's environment and the payload that it names. A payload that cannot be read counts as empty. */
export function readRunContext(env: Environment): RunContext {
  const payload = readPayload(env.GITHUB_EVENT_PATH);
  const eventName = env.GITHUB_EVENT_NAME ?? '';
  const ref = env.GITHUB_REF ?? '';
  const repository = env.GITHUB_REPOSITORY ?? payload.repository?.full_name ?? '';
  const pullRequest = PULL_REQUEST_EVENTS.has(eventName);
  // The payload of a schedule has no repository, but it always runs on the default branch
  const defaultRef =
    fullRef(payload.repository?.default_branch) ?? (eventName === 'schedule' ? ref : undefined);
  const base = payload.pull_request?.base?.ref ?? (env.GITHUB_BASE_REF || undefined);
  return {
    eventName,
    ref,
    repository,
    defaultRef: defaultRef || undefined,
    baseRef: fullRef(payload.merge_group?.base_ref ?? base),
    pullRequest,
    fork: pullRequest && isFork(payload, repository),
    tokenScopes: readTokenScopes(env.ACTIONS_RUNTIME_TOKEN),
    cacheMode: (env.ACTIONS_CACHE_MODE ?? '').trim().toLowerCase(),
    workspace: env.GITHUB_WORKSPACE || process.cwd(),
    runId: env.GITHUB_RUN_ID ?? '',
    runAttempt: env.GITHUB_RUN_ATTEMPT ?? '',
    sha: env.GITHUB_SHA ?? '',
  };
}

function isFork(payload: Payload, repository: string): boolean {
  const head = payload.pull_request?.head;
  if (head === undefined) return false;
  // The payload does not name a fork that has been deleted
  return head.repo?.full_name?.toLowerCase() !== repository.toLowerCase();
}

function fullRef(name: string | undefined): string | undefined {
  if (name === undefined || name === '') return undefined;
  return name.startsWith('refs/') ? name : `refs/heads/${name}`;
}

function readPayload(file: string | undefined): Payload {
  if (!file) return {};
  try {
    const payload: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof payload === 'object' && payload !== null ? payload : {};
  } catch {
    return {};
  }
}
