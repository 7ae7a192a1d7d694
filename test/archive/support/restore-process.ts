/** Starts restores in processes of their own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unprivileged } from '../../support/drop-privileges.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree } from './archives.ts';
import { RESTORER, type RestorerJob } from './restorer.ts';

export interface RestoreProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<RestoreEnd>;
}

export interface RestoreEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said; undefined when it was killed before. */
  readonly said: { entries?: number; rssBytes?: number; error?: string; message?: string } | undefined;
  readonly stderr: string;
}

/** As the user that runs the tests, or as one whom file permissions bind. */
export type User = 'self' | 'ordinary';

export function startRestore(job: RestorerJob, user: User = 'ordinary'): RestoreProcess {
  const child = spawn(process.execPath, [RESTORER, JSON.stringify(job)], {
    ...(user === 'ordinary' ? unprivileged() : {}),
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  const ended = new Promise<RestoreEnd>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) =>
      resolve({ exitCode, signal, said: stdout === '' ? undefined : JSON.parse(stdout), stderr }),
    );
  });
  return { child, ended };
}

export function runRestore(job: RestorerJob, user?: User): Promise<RestoreEnd> {
  return startRestore(job, user).ended;
}

/** Saves a tree built in `directory`; the file that holds the object, for anyone to read. */
export async function saveTo(directory: string, spec: TreeSpec, patterns?: string[]): Promise<string> {
  await buildTree(join(directory, 'source'), spec);
  const { object } = await packTree(await layoutIn(join(directory, 'source'), patterns));
  const file = join(directory, 'object.tar.zst');
  writeFileSync(file, object, { mode: 0o644 });
  return file;
}
