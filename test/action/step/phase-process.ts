import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach } from 'vitest';
import { checkTar } from '../../archive/support/tar-check.ts';
import { inputEnv } from '../support.ts';

/** Phases as processes, from the sources, with a directory of this host as the store. */

export type Entry = 'main' | 'post' | 'restore-only' | 'save-only';

let root: string;
/** A path in the directory of one test: `one` and `two` are workspaces, `temp` is RUNNER_TEMP. */
export const at = (...names: string[]) => path.join(root, ...names);

/** Makes the directory of each test, and checks every stored object as a tar. */
export function usePhases(): void {
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'cache-s3-phases-'));
    for (const name of ['one/deps', 'two', 'home', 'temp']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('one/deps/a.txt'), 'first');
  });
  afterEach(async () => {
    for (const file of stored()) await checkTar(readFileSync(file));
    rmSync(root, { recursive: true, force: true });
  });
}

/** Returns the files of the objects in the store. */
export function stored(): string[] {
  if (!existsSync(at('store'))) return [];
  const entries = readdirSync(at('store'), { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
}

export interface PhaseOptions {
  readonly inputs?: Record<string, string>;
  readonly workspace?: string;
  readonly state?: Record<string, string>;
  readonly env?: Record<string, string>;
  /** Code of a module that is loaded first. */
  readonly preload?: string;
}

export function start(entry: Entry, options: PhaseOptions) {
  const workspace = at(options.workspace ?? 'one');
  const files = Object.fromEntries(
    ['OUTPUT', 'STATE', 'STEP_SUMMARY'].map(name => [`GITHUB_${name}`, at(`GITHUB_${name}`)]),
  );
  for (const file of Object.values(files)) writeFileSync(file, '');
  const states = Object.entries(options.state ?? {}).map(([name, value]) => [`STATE_${name}`, value]);
  const env = {
    PATH: process.env.PATH,
    HOME: at('home'),
    USERPROFILE: at('home'),
    GITHUB_WORKSPACE: workspace,
    GITHUB_REF: 'refs/heads/main',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_REPOSITORY: 'octo/app',
    GITHUB_RUN_ID: '42',
    RUNNER_TEMP: at('temp'),
    ...files,
    ...Object.fromEntries(states),
    ...options.env,
    ...inputEnv({ path: 'deps', key: 'k1', endpoint: pathToFileURL(at('store')).href, ...options.inputs }),
  };
  const script = fileURLToPath(new URL(`../../../src/${entry}.ts`, import.meta.url));
  const preload =
    options.preload === undefined
      ? []
      : ['--import', `data:text/javascript,${encodeURIComponent(options.preload)}`];
  return spawn(process.execPath, [...preload, script], {
    cwd: workspace,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export async function ended(child: ChildProcess) {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', text => (log += text));
  const code = await new Promise<number | null>(resolve => child.on('close', resolve));
  const values = (name: string) => {
    const text = readFileSync(at(name), 'utf8');
    const entries = [...text.matchAll(/^(.*)<<(ghadelimiter_.*)\r?\n([\s\S]*?)\r?\n\2$/gm)];
    return Object.fromEntries(entries.map(([, key, , value]) => [key, value])) as Record<string, string>;
  };
  return { code, log, outputs: values('GITHUB_OUTPUT'), state: values('GITHUB_STATE') };
}
export const phase = (entry: Entry, options: PhaseOptions = {}) => ended(start(entry, options));
