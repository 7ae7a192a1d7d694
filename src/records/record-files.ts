import {
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  readdirSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { ignoreErrors } from '../archive/fs/ignore-errors.ts';
import { thisPlatform, thisUser } from '../archive/fs/platform.ts';
import { renameWithRetries } from '../archive/fs/rename.ts';
import { NEW_FILE, readAt, withFile } from '../archive/fs/with-file.ts';

/**
 * Functions for files in RUNNER_TEMP, where other users and the job's programs may put anything under any name. All throw the
 * system's errors.
 */

/** Ending of a file that is being written, or that a killed process has left. */
const UNFINISHED = '.new';

/**
 * Writes a file: in full or not at all, and readable by its owner alone. A file that root writes (`sudo: true`, containers)
 * belongs to the owner of the directory, who has to be able to remove it. A file that cannot be completed is removed.
 */
export function writeRecord(file: string, content: Uint8Array | string): void {
  const unfinished = file + UNFINISHED;
  rmSync(unfinished, { force: true });
  try {
    // The file is created exclusively, so not through a link that another process has put there
    withFile(
      unfinished,
      NEW_FILE,
      fd => {
        writeFileSync(fd, content);
        const { uid, gid } = statSync(path.dirname(file));
        if (thisUser.uid === 0) ignoreErrors(() => fchownSync(fd, uid, gid));
      },
      0o600,
    );
    renameWithRetries(unfinished, file);
  } catch (error) {
    ignoreErrors(() => rmSync(unfinished, { force: true }));
    throw error;
  }
}

/** Reads a regular file that this job has written. Returns undefined for any other file, and for one over `maxBytes`. */
export function readRecord(file: string, maxBytes: number): Buffer | undefined {
  return withFile(file, constants.O_RDONLY | thisPlatform.openFlags, fd => {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > maxBytes || !isOwn(stats, path.dirname(file))) return undefined;
    const bytes = Buffer.allocUnsafeSlow(stats.size);
    return readAt(fd, bytes, 0) === bytes.length ? bytes : undefined;
  });
}

/** Returns whether a file may be of this job, whose steps may run as root and as the owner of the directory. */
function isOwn({ uid }: Stats, directory: string): boolean {
  const own = thisUser.uid;
  // Node.js reports no owners on Windows
  if (own === undefined) return true;
  return uid === own || uid === 0 || (own === 0 && uid === statSync(directory).uid);
}

/** Returns the names in a directory that begin with `prefix`, without unfinished files, newest first. */
export function recordNames(directory: string, prefix: string): readonly string[] {
  const timeOf = (name: string) =>
    ignoreErrors(() => lstatSync(path.join(directory, name), { bigint: true }).mtimeNs) ?? 0n;
  return readdirSync(directory)
    .filter(name => name.startsWith(prefix) && !name.endsWith(UNFINISHED))
    .map(name => ({ name, time: timeOf(name) }))
    .sort((a, b) => Number(b.time - a.time))
    .map(({ name }) => name);
}
