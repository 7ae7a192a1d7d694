/** Runs one phase of an action as a process, as the runner does. `runWorkflow` runs whole workflows. */

import { chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { builtFile } from '../built-sources/built-file.ts';
import { type ActionManifest, readManifest } from './definitions/action-manifest.ts';
import { hashFiles } from './definitions/hash-files.ts';
import { resolveInputs } from './job/action-inputs.ts';
import { contextVariables, githubContext, type JobPlaces, runnerContext } from './job/contexts.ts';
import { unescapeData } from './job/job-log.ts';
import type { Grace } from './model.ts';
import { runnerGrace } from './process/process.ts';
import { runStepProcess } from './process/step-process.ts';
import { inputVariables, stateVariables } from './process/step-variables.ts';

export interface ActionRun {
  /** The checkout of the action: dist/, action.yml, restore/, save/. */
  readonly actionDir: string;
  /** The action of the checkout; `action.yml` by default. */
  readonly action?: 'action.yml' | 'restore/action.yml' | 'save/action.yml';
  readonly entry: 'main' | 'post';
  /** Runs the build of this checkout's sources (support/built-sources) instead of dist/. */
  readonly fromSources?: boolean;
  /** Code of a module that Node loads first. */
  readonly preload?: string;
  /** The step's `with`. An empty value suppresses the action's default, as it does on the runner. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Added to the variables of a push to `main`; of this process's own environment a step gets PATH and HOME only. */
  readonly env?: Readonly<Record<string, string>>;
  /** For post: the `state` of main's result. */
  readonly state?: Readonly<Record<string, string>>;
  /** GITHUB_WORKSPACE, an existing directory. RUNNER_TEMP is `_temp` beside it unless `env` names another. */
  readonly workspace: string;
  /** The value of `job.status`; `success` by default. */
  readonly jobStatus?: 'success' | 'failure' | 'cancelled';
  readonly uid?: number;
  readonly gid?: number;
  /** At its abort: SIGINT, then SIGTERM, then SIGKILL, after the waits of `grace` (the runner's by default). */
  readonly stop?: AbortSignal;
  readonly grace?: Grace;
  /** Called with each line of standard output and error as it comes. */
  readonly onLine?: (line: string) => void;
  /** Called with the process's id when it runs, for tests that send signals. */
  readonly onStart?: (pid: number) => void;
}

export interface ActionRunResult {
  /** null after a signal. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and error, workflow commands included, but for `add-mask`. */
  readonly stdout: string;
  /** The values that the runner masks from now on. */
  readonly masks: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
  /** The variables that the step exported to later ones. */
  readonly env: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly ms: number;
}

/** Runs an action's main or post. Throws if it cannot be started. A failure of the action is a result. */
export async function runAction(run: ActionRun): Promise<ActionRunResult> {
  const { workspace, uid, gid, onStart } = run;
  const manifest = await readManifest(path.join(run.actionDir, path.dirname(run.action ?? 'action.yml')));
  const places = await makePlaces(run);
  const github = githubContext({ workspace }, 'workflow', 'job', places);
  const runner = runnerContext(places);
  const status = run.jobStatus ?? 'success';
  const { inputs } = await resolveInputs(manifest, run.inputs ?? {}, {
    contexts: () => ({ github, runner, job: { status } }),
    status: () => status,
    hashFiles: patterns => hashFiles(patterns, workspace),
  });
  const lines: string[] = [];
  const masks: string[] = [];
  const { exit, written } = await runStepProcess(process.execPath, argumentsOf(manifest, run), {
    temp: places.temp,
    cwd: workspace,
    env: {
      ...machineVariables(),
      ...contextVariables(github, runner),
      ...run.env,
      ...inputVariables(inputs),
      ...stateVariables(run.state ?? {}),
    },
    uid,
    gid,
    stop: run.stop ?? new AbortController().signal,
    grace: run.grace ?? runnerGrace,
    onStart,
    onLine(line) {
      const mask = /^::add-mask::(.*)$/.exec(line)?.[1];
      if (mask !== undefined) return void masks.push(unescapeData(mask));
      lines.push(line);
      run.onLine?.(line);
    },
  });
  return {
    exitCode: exit.code,
    signal: exit.signal,
    stdout: lines.map(line => `${line}\n`).join(''),
    masks,
    outputs: written.output,
    state: written.state,
    env: written.env,
    summary: written.summary,
    ms: exit.ms,
  };
}

/** Makes RUNNER_TEMP. */
async function makePlaces({ workspace, env, uid, gid }: ActionRun): Promise<JobPlaces> {
  const above = path.dirname(workspace);
  const temp = env?.RUNNER_TEMP ?? path.join(above, '_temp');
  await mkdir(temp, { recursive: true });
  if (uid !== undefined) await chown(temp, uid, gid ?? uid);
  const home = env?.HOME ?? '';
  return { workspace, home, temp, toolCache: path.join(above, '_tool'), eventFile: '' };
}

function argumentsOf({ runs, directory }: ActionManifest, run: ActionRun): readonly string[] {
  if (runs.using !== 'node') throw new Error(`${directory} is not a JavaScript action`);
  const file = runs[run.entry];
  if (file === undefined) throw new Error(`${directory}/action.yml has no ${run.entry}`);
  const script = run.fromSources ? builtFile(path.basename(file)) : path.join(directory, file);
  if (run.preload === undefined) return [script];
  return ['--import', `data:text/javascript,${encodeURIComponent(run.preload)}`, script];
}

function machineVariables(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USERPROFILE', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'];
  return Object.fromEntries(names.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])));
}
