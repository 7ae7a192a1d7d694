/**
 * Runs part of a test as an ordinary user. Root ignores file permissions, so a test of read-only files that runs as root, as
 * in the containers of most CI jobs, would show nothing.
 */

import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collectOutput, type ProcessOutput } from './collect-output.ts';

/** Whether file permissions do not bind the tests. */
export const isRoot = process.getuid?.() === 0;

/** Debian's user without rights. */
const unprivilegedId = 65534;

/** Returns the uid and gid of an unprivileged child. Returns no id unless this process is root. */
export function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  return isRoot ? { uid: unprivilegedId, gid: unprivilegedId } : {};
}

/** Gives a tree to the unprivileged user: links themselves, not their targets. Does nothing unless this process is root. */
export async function giveAway(root: string | Buffer): Promise<void> {
  const { uid, gid } = unprivileged();
  if (uid === undefined || gid === undefined) return;
  await fs.lchown(root, uid, gid);
  if (!(await fs.lstat(root)).isDirectory()) return;
  for (const name of await fs.readdir(root, { encoding: 'buffer' })) {
    await giveAway(Buffer.concat([Buffer.from(root), Buffer.from('/'), name]));
  }
}

/** Makes a directory that the unprivileged user owns. The caller removes it. */
export async function unprivilegedDirectory(prefix = 'cache-s3-unprivileged-'): Promise<string> {
  const directory = await fs.mkdtemp(path.join(tmpdir(), prefix));
  await giveAway(directory);
  return directory;
}

interface UnprivilegedOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs Node with these arguments (a script and its arguments, or `--input-type=module -e code`) as an unprivileged user
 * with a home directory of its own, which is removed afterwards. All users must be able to read the script.
 */
export async function runUnprivileged(
  args: readonly string[],
  options: UnprivilegedOptions = {},
): Promise<ProcessOutput> {
  const home = await unprivilegedDirectory('cache-s3-home-');
  try {
    const child = spawn(process.execPath, args, {
      ...unprivileged(),
      cwd: options.cwd ?? home,
      env: { ...process.env, HOME: home, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return await collectOutput(child);
  } finally {
    await fs.rm(home, { recursive: true, force: true });
  }
}
