/** This folder reads the event and the environment of the run, and decides which caches the run may read and save. */

import { userInfo } from 'node:os';
import path from 'node:path';
import type { Environment } from '../inputs/read-input.ts';
import { readEventPayload } from './event-payload.ts';
import { readTokenScopes } from './token.ts';

const PULL_REQUEST_EVENTS = new Set([
  'pull_request',
  'pull_request_target',
  'pull_request_review',
  'pull_request_review_comment',
]);

/** Facts about the run and its event that caching depends on. */
export type RunContext = Readonly<ReturnType<typeof readRunContext>>;

/** Reads the run's environment and the event payload that it names. */
export function readRunContext(env: Environment) {
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
    /** GITHUB_REF: `refs/heads/main`, `refs/pull/7/merge`, `refs/tags/v1`; '' if the event has none. */
    ref,
    /** `owner/name`. */
    repository,
    /** Full ref of the default branch. Undefined if the event does not contain it. */
    defaultRef,
    /** Full ref that a pull request or a merge group will be merged into. */
    baseRef: fullRef(payload.mergeGroupBase ?? base),
    isPullRequest,
    /** Whether the code is from another repository. This is also true if the payload names none: the fork may have been deleted. */
    isFromFork: isPullRequest && payload.pullRequestHead?.toLowerCase() !== repository.toLowerCase(),
    /** Scopes of the run's token. Undefined if it has none. */
    tokenScopes: readTokenScopes(env.ACTIONS_RUNTIME_TOKEN),
    /** ACTIONS_CACHE_MODE: `none`, `read`, `write` or `write-only`; '' where the runner sets none. */
    cacheMode: (env.ACTIONS_CACHE_MODE ?? '').trim().toLowerCase(),
    /** Absolute path of the checkout. */
    workspace: workspaceDirectory(env),
    /** Absolute path of the user's home directory, or of the root if the user has none. */
    home: homeDirectory(env),
    /** Numbers of the run and of its attempt, and the commit that started it; '' where the runner sets none. */
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
