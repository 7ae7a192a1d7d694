import path from 'node:path';
import type { RunWorkflowOptions } from '../model.ts';

/** The directories of a job on its machine. */
export interface JobPlaces {
  readonly workspace: string;
  readonly home: string;
  readonly temp: string;
  readonly toolCache: string;
  readonly eventFile: string;
}

/** Returns the `github` context: a push to `main` of `octo/demo`, with the test's overrides. */
export function githubContext(
  options: RunWorkflowOptions,
  workflow: string,
  job: string,
  places: JobPlaces,
): Record<string, unknown> {
  const overrides = options.github ?? {};
  const ref = String(overrides.ref ?? 'refs/heads/main');
  const repository = String(overrides.repository ?? 'octo/demo');
  return {
    actor: 'octo',
    api_url: 'https://api.github.com',
    base_ref: '',
    event: eventPayload(options, ref, repository),
    event_name: options.event?.name ?? 'push',
    event_path: places.eventFile,
    graphql_url: 'https://api.github.com/graphql',
    head_ref: '',
    job,
    ref,
    ref_name: ref.replace(/^refs\/(?:heads|tags|pull)\//, ''),
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    repository,
    repository_owner: repository.split('/')[0],
    run_attempt: '1',
    run_id: '4711',
    run_number: '1',
    server_url: 'https://github.com',
    sha: '0123456789abcdef0123456789abcdef01234567',
    token: 'job-token',
    triggering_actor: 'octo',
    workflow,
    workspace: places.workspace,
    ...overrides,
  };
}

export function eventPayload(options: RunWorkflowOptions, ref: string, repository: string): unknown {
  return { ref, repository: { full_name: repository, default_branch: 'main' }, ...options.event?.payload };
}

export function runnerContext(places: JobPlaces): Record<string, string> {
  const systems: Partial<Record<NodeJS.Platform, string>> = { win32: 'Windows', darwin: 'macOS' };
  return {
    os: systems[process.platform] ?? 'Linux',
    arch: process.arch.toUpperCase(),
    name: 'test-runner',
    environment: 'self-hosted',
    temp: places.temp,
    tool_cache: places.toolCache,
    workspace: path.dirname(places.workspace),
  };
}

/** The keys of `github` without a GITHUB_* variable. */
const CONTEXT_ONLY = new Set(['event', 'token', 'action_status']);

/** Returns the GITHUB_* and RUNNER_* variables of the contexts. */
export function contextVariables(
  github: Readonly<Record<string, unknown>>,
  runner: Readonly<Record<string, string>>,
): Record<string, string> {
  const variables: Record<string, string> = { CI: 'true', GITHUB_ACTIONS: 'true' };
  for (const [name, value] of Object.entries(github)) {
    if (!CONTEXT_ONLY.has(name)) variables[`GITHUB_${name.toUpperCase()}`] = String(value ?? '');
  }
  for (const [name, value] of Object.entries(runner)) variables[`RUNNER_${name.toUpperCase()}`] = value;
  return variables;
}
