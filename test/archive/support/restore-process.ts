/** Starts restores in processes of their own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RefusedCounts } from '../../../src/archive/fs/refused-attributes.ts';
import type { RemainingStaging } from '../../../src/archive/publish/staging/stale-staging.ts';
import { collectOutput } from '../../support/collect-output.ts';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree } from './archives.ts';
import { RESTORER, type RestorerJob } from './restorer.ts';

export interface RestoreProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<RestoreEnd>;
}

interface RestorerOutput {
  readonly entries?: number;
  readonly rssBytes?: number;
  /** Counts of attributes that the system refused. */
  readonly refused?: RefusedCounts;
  readonly remaining?: readonly RemainingStaging[];
  readonly error?: string;
  readonly message?: string;
}

export interface RestoreEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The process's report; undefined if the process was killed before it wrote one. */
  readonly output: RestorerOutput | undefined;
  readonly stderr: string;
}

/** The user of a process: the one that runs the tests, or one to whom file permissions apply. */
export type User = 'self' | 'ordinary';

/** Starts a restore. `wrapper` is a command that runs the one after its arguments, such as `unshare`. */
export function startRestoreProcess(
  job: RestorerJob,
  user: User = 'ordinary',
  wrapper: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): RestoreProcess {
  const [command, ...args] = [...wrapper, process.execPath, RESTORER, JSON.stringify(job)];
  const child = spawn(command!, args, {
    ...(user === 'ordinary' ? unprivileged() : {}),
    cwd: '/',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = collectOutput(child).then(({ stdout, ...end }) => ({
    ...end,
    output: stdout === '' ? undefined : (JSON.parse(stdout) as RestorerOutput),
  }));
  return { child, ended };
}

export function runRestoreProcess(
  job: RestorerJob,
  user?: User,
  wrapper?: readonly string[],
): Promise<RestoreEnd> {
  return startRestoreProcess(job, user, wrapper).ended;
}

/**
 * Makes a directory that all users may search, with a saved object, its source, and a workspace of the ordinary user that has
 * the tree `present`.
 */
export async function prepareRestore(archived: TreeSpec, present: TreeSpec = {}) {
  const directory = scratch();
  chmodSync(directory, 0o755);
  const object = await saveTo(directory, archived);
  const workspace = join(directory, 'work');
  mkdirSync(workspace);
  await buildTree(workspace, present);
  await giveAway(workspace);
  const source = join(directory, 'source');
  return { workspace, source, job: { object, workspace, patterns: ['tree'] } };
}

/** Saves a tree that it builds in `directory`. Returns the file of the object, which every user can read. */
export async function saveTo(directory: string, spec: TreeSpec, patterns?: string[]): Promise<string> {
  await buildTree(join(directory, 'source'), spec);
  const { object } = await packTree(layoutIn(join(directory, 'source'), patterns));
  const file = join(directory, 'object.tar.zst');
  writeFileSync(file, object, { mode: 0o644 });
  return file;
}
