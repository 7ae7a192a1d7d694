/** Runs one step of an action in a process of its own, as the runner would (whole workflows: test/e2e/runner). */

import { chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index';
import { inputVariables } from '../e2e/runner/action-inputs.ts';
import { type ActionManifest, readManifest } from '../e2e/runner/action-manifest.ts';
import { createCommandFiles } from '../e2e/runner/command-files.ts';
import type { Grace } from '../e2e/runner/model.ts';
import { isBasicExpression, isScalar } from '../e2e/runner/parser.ts';
import { runnerGrace, runProcess } from '../e2e/runner/process.ts';

export interface ActionStep {
  /** The checkout of the action: dist/, action.yml, restore/, save/. */
  readonly actionDir: string;
  /** Which action of the checkout; `action.yml` by default. */
  readonly action?: 'action.yml' | 'restore/action.yml' | 'save/action.yml';
  readonly entry: 'main' | 'post';
  /** The step's `with`. An empty value suppresses the action's default, as it does on the runner. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Beyond what every step gets here; of this process's own environment a step sees PATH and HOME only. */
  readonly env?: Readonly<Record<string, string>>;
  /** For post: what main answered as `state`. */
  readonly state?: Readonly<Record<string, string>>;
  /** GITHUB_WORKSPACE, an existing directory. RUNNER_TEMP is `_temp` beside it unless `env` names another. */
  readonly workspace: string;
  /** What `${{ job.status }}` says in a default; `success` by default. */
  readonly jobStatus?: 'success' | 'failure' | 'cancelled';
  readonly uid?: number;
  readonly gid?: number;
  /** Aborted: SIGINT, then SIGTERM, then SIGKILL, after the waits of `grace` (the runner's by default). */
  readonly stop?: AbortSignal;
  readonly grace?: Grace;
  /** Called with each line of standard output and error as it comes. */
  readonly onLine?: (line: string) => void;
  /** Called with the process's id as soon as it runs, for a test that sends it signals of its own. */
  readonly onStart?: (pid: number) => void;
}

export interface ActionStepResult {
  /** null after a signal. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and error, workflow commands included. */
  readonly stdout: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
  /** What the step exported to later ones. */
  readonly env: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly ms: number;
}

/** Throws where the step cannot be run at all; what it does, even an exit code, is a result. */
export async function runStep(step: ActionStep): Promise<ActionStepResult> {
  const manifest = await readManifest(path.join(step.actionDir, path.dirname(step.action ?? 'action.yml')));
  const script = scriptOf(manifest, step.entry);
  const { uid, gid } = step;
  const temp = step.env?.RUNNER_TEMP ?? path.join(path.dirname(step.workspace), '_temp');
  await mkdir(temp, { recursive: true });
  if (uid !== undefined) await chown(temp, uid, gid ?? uid);
  const files = await createCommandFiles(temp, { uid, gid });
  const inputs = { ...defaults(manifest, step), ...step.inputs };
  const lines: string[] = [];
  const exit = await runProcess(process.execPath, [script], {
    cwd: step.workspace,
    env: {
      ...runnerEnvironment(step.workspace, temp),
      ...step.env,
      ...inputVariables(inputs),
      ...stateVariables(step.state),
      ...files.env,
    },
    uid,
    gid,
    stop: step.stop ?? new AbortController().signal,
    grace: step.grace ?? runnerGrace,
    onStart: step.onStart,
    onLine(line) {
      lines.push(line);
      step.onLine?.(line);
    },
  });
  const written = await files.read();
  return {
    exitCode: exit.code,
    signal: exit.signal,
    stdout: lines.map(line => `${line}\n`).join(''),
    outputs: written.output,
    state: written.state,
    env: written.env,
    summary: written.summary,
    ms: exit.ms,
  };
}

function scriptOf(manifest: ActionManifest, entry: ActionStep['entry']): string {
  const { runs } = manifest;
  if (runs.using !== 'node') throw new Error(`${manifest.directory} is not a JavaScript action`);
  const file = runs[entry];
  if (file === undefined) throw new Error(`${manifest.directory}/action.yml has no ${entry}`);
  return path.join(manifest.directory, file);
}

/** The action's defaults for inputs that `with` does not name. */
function defaults(manifest: ActionManifest, step: ActionStep): Record<string, string> {
  const given = new Set(Object.keys(step.inputs ?? {}).map(name => name.toLowerCase()));
  return Object.fromEntries(
    manifest.inputs.flatMap(({ id, default: token }) =>
      token === undefined || given.has(id.toLowerCase()) ? [] : [[id, defaultValue(id, token, step)]],
    ),
  );
}

function defaultValue(id: string, token: TemplateToken, step: ActionStep): string {
  if (isBasicExpression(token)) {
    if (token.expression.trim() === 'job.status') return step.jobStatus ?? 'success';
    throw new Error(`the default of input ${id} is \${{ ${token.expression} }}: run it as a workflow`);
  }
  if (!isScalar(token)) throw new Error(`the default of input ${id} is no text`);
  return token.toString();
}

function stateVariables(state: ActionStep['state'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
}

/** A push to the default branch of `octo-org/octo-repo`. */
function runnerEnvironment(workspace: string, temp: string): Record<string, string> {
  const systems: Partial<Record<NodeJS.Platform, string>> = { darwin: 'macOS', win32: 'Windows' };
  const own = ['PATH', 'HOME', 'USERPROFILE', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'];
  return {
    ...Object.fromEntries(own.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : []))),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'octo-org/octo-repo',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_ATTEMPT: '1',
    RUNNER_TEMP: temp,
    RUNNER_OS: systems[process.platform] ?? 'Linux',
    RUNNER_ARCH: process.arch.toUpperCase(),
  };
}
