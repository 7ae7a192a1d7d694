/** This folder reads what started the run, and decides which caches it may read and save. */

import { userInfo } from 'node:os';
import path from 'node:path';
import type { Environment } from '../inputs/read-input.ts';
import { readEventPayload } from './event-payload.ts';
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
  /** Absolute path of the user's home directory, or of the root if the user has none. */
  readonly home: string;
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

/** Reads the run's environment and the event payload that it names. */
export function readRunContext(env: Environment): RunContext {
  const payload = readEventPayload(env.GITHUB_EVENT_PATH);
  const eventName = env.GITHUB_EVENT_NAME ?? '';
  const ref = env.GITHUB_REF ?? '';
  const repository = env.GITHUB_REPOSITORY ?? payload.repository ?? '';
  // Other servers have more events of pull requests, such as pull_request_comment of Gitea
  const pullRequest = PULL_REQUEST_EVENTS.has(eventName) || ref.startsWith('refs/pull/');
  // The payload of a schedule has no repository, but it always runs on the default branch
  const defaultRef = fullRef(payload.defaultBranch) ?? (eventName === 'schedule' ? fullRef(ref) : undefined);
  const base = payload.pullRequestBase ?? (env.GITHUB_BASE_REF || undefined);
  return {
    eventName,
    ref,
    repository,
    defaultRef,
    baseRef: fullRef(payload.mergeGroupBase ?? base),
    pullRequest,
    // Also if the payload does not name the repository: a fork may have been deleted
    fork: pullRequest && payload.pullRequestHead?.toLowerCase() !== repository.toLowerCase(),
    tokenScopes: readTokenScopes(env.ACTIONS_RUNTIME_TOKEN),
    cacheMode: (env.ACTIONS_CACHE_MODE ?? '').trim().toLowerCase(),
    workspace: workspaceDirectory(env),
    home: homeDirectory(env),
    runId: env.GITHUB_RUN_ID ?? '',
    runAttempt: env.GITHUB_RUN_ATTEMPT ?? '',
    sha: env.GITHUB_SHA ?? '',
  };
}

function fullRef(name: string | undefined): string | undefined {
  if (name === undefined || name === '') return undefined;
  return name.startsWith('refs/') ? name : `refs/heads/${name}`;
}

/** Returns the root if the current directory, which a relative path is resolved against, has been deleted. */
function workspaceDirectory(env: Environment): string {
  try {
    return path.resolve(env.GITHUB_WORKSPACE || '.');
  } catch {
    return ROOT;
  }
}

/**
 * Returns the home directory as Node.js does, but ignores one that is not absolute. A user without a home directory gets
 * the root, where `~` maps nothing: in a container, the user's number often has no entry in passwd.
 */
function homeDirectory(env: Environment): string {
  const variable = process.platform === 'win32' ? env.USERPROFILE : env.HOME;
  if (variable && path.isAbsolute(variable)) return variable;
  try {
    const { homedir } = userInfo();
    return path.isAbsolute(homedir) ? homedir : ROOT;
  } catch {
    return ROOT;
  }
}

/** The root of the drive of Node.js. */
const { root: ROOT } = path.parse(process.execPath);
