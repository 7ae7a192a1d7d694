import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach } from 'vitest';
import { repositoryFile } from '../../support/checkout.ts';
import { type ActionRun, runAction } from '../../support/runner/run-action.ts';
import { scratch } from '../../support/scratch.ts';
import { checkTar } from '../../support/tar/check-tar.ts';

/** Phases as processes, from the sources, with a directory of this host as the store. */

type PhaseEntry = 'main' | 'post' | 'restore-only' | 'save-only';

let root: string;
/** A path in the directory of one test: `one` and `two` are workspaces, `temp` is RUNNER_TEMP. */
export const at = (...names: string[]) => path.join(root, ...names);

/** Makes the directory of each test, and checks every stored object as a tar. */
export function usePhases(): void {
  beforeEach(() => {
    root = scratch();
    for (const name of ['one/deps', 'two', 'home', 'temp']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('one/deps/a.txt'), 'first');
  });
  afterEach(async () => {
    for (const file of stored()) await checkTar(readFileSync(file), { touched: true });
  });
}

/** Returns the files of the objects in the store. */
export function stored(): string[] {
  if (!existsSync(at('store'))) return [];
  const entries = readdirSync(at('store'), { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
}

/** Returns the names in RUNNER_TEMP that are not the runner's own. */
export function namesInTemp(): string[] {
  return readdirSync(at('temp')).filter(name => name !== '_runner_file_commands');
}

interface PhaseOptions
  extends Pick<ActionRun, 'inputs' | 'state' | 'env' | 'preload' | 'onStart' | 'uid' | 'gid'> {
  /** `one` by default. */
  readonly workspace?: string;
}

export async function phase(entry: PhaseEntry, { workspace = 'one', ...options }: PhaseOptions = {}) {
  const { exitCode, stdout, outputs, state, masks } = await runAction({
    ...options,
    ...entryOf(entry),
    actionDir: repositoryFile('.'),
    fromSources: true,
    workspace: at(workspace),
    inputs: { path: 'deps', key: 'k1', endpoint: pathToFileURL(at('store')).href, ...options.inputs },
    env: { HOME: at('home'), USERPROFILE: at('home'), RUNNER_TEMP: at('temp'), ...options.env },
  });
  return { code: exitCode, log: stdout, outputs, state, masks };
}

function entryOf(entry: PhaseEntry): Pick<ActionRun, 'action' | 'entry'> {
  if (entry === 'main' || entry === 'post') return { entry };
  return { action: entry === 'restore-only' ? 'restore/action.yml' : 'save/action.yml', entry: 'main' };
}
