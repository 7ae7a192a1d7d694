/** This folder reads the event and the environment of the run, and decides which caches the run may read and save. */

import { userInfo } from 'node:os';
import path from 'node:path';
import type { Environment } from '../inputs/read-input.ts';
import { readEventPayload } from './event-payload.ts';
import { readTokenScopes, type TokenScope } from './token.ts';

/** Facts about the run and its event that caching depends on. */
export interface RunContext {
  readonly eventName: string;
  /** GITHUB_REF: `refs/heads/main`, `refs/pull/7/merge`, `refs/tags/v1`; '' if the event has none. */
  readonly ref: string;
  /** `owner/name`. */
  readonly repository: string;
  /** Full ref of the default branch. Undefined if the event does not contain it. */
  readonly defaultRef: string | undefined;
  /** Full ref that a pull request or a merge group will be merged into. */
  readonly baseRef: string | undefined;
  readonly isPullRequest: boolean;
  /** Whether it is a pull request whose code is from another repository. */
  readonly isFromFork: boolean;
  /** Scopes of the run's token. Undefined if it has none. */
  readonly tokenScopes: readonly TokenScope[] | undefined;
  /** ACTIONS_CACHE_MODE: `none`, `read`, `write` or `write-only`; '' where the runner sets none. */
  readonly cacheMode: string;
  /** Absolute path of the checkout. */
  readonly workspace: string;
  /** Absolute path of the user's home directory, or of the root if the user has none. */
  readonly home: string;
  /** Numbers of the run and of its attempt, '' where the runner sets none. */
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
  const isPullRequest = PULL_REQUEST_EVENTS.has(eventName) || ref.startsWith('refs/pull/');
  // The payload of a schedule has no repository, but it always runs on the default branch
  const defaultRef = fullRef(payload.defaultBranch) ?? (eventName === 'schedule' ? fullRef(ref) : undefined);
  const base = payload.pullRequestBase ?? (env.GITHUB_BASE_REF || undefined);
  return {
    eventName,
    ref,
    repository,
    defaultRef,
    baseRef: fullRef(payload.mergeGroupBase ?? base),
    isPullRequest,
    // This is also true if the payload names no repository: the fork may have been deleted
    isFromFork: isPullRequest && payload.pullRequestHead?.toLowerCase() !== repository.toLowerCase(),
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

/** Returns the path of the checkout, or the root if it is relative to a current directory that has been deleted. */
function workspaceDirectory(env: Environment): string {
  try {
    return path.resolve(env.GITHUB_WORKSPACE || '.');
  } catch {
    return ROOT;
  }
}

/**
 * Returns the home directory as Node.js does, but ignores one that is not absolute. Returns the root for a user without a home
 * directory, so that `~` maps nothing: in a container, the user's number often has no entry in passwd.
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

/** The root of the drive on which Node.js is. */
const { root: ROOT } = path.parse(process.execPath);
