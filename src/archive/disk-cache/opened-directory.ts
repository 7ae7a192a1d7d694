/** The directory of the disk cache, in a worker: it is checked once, and used again only if it was not replaced. */

import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { lstat, realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { thisPlatform, thisUser } from '../fs/platform.ts';
import { withFile } from '../fs/with-file.ts';
import type { FindJob, FindResult, OpenedDirectory } from '../messages/disk-job.ts';
import { isFrame } from './frame-files.ts';
import { problemOf } from './problems.ts';
import { isRootOwned } from './root-owned.ts';

/** Checks the directory, and finds frames. Throws the system's errors, and ENOTDIR. */
export function findFrames(job: FindJob): FindResult {
  const directory = openDirectory(job.directory);
  const isPresent = job.files.map(({ name, size }) => {
    const stats = ignoreErrors(() => lstat(path.join(directory.path, name)));
    return isFrame(stats, size);
  });
  return { directory, isPresent };
}

function openDirectory(given: string): OpenedDirectory {
  // Another user could lead root to other files. Checked before the links are resolved: then no other user can change them
  const isSafe = thisUser.uid !== 0 || isRootOwned(given);
  const resolved = realPathOf(given);
  const stats = statSync(resolved, { bigint: true });
  if (!stats.isDirectory()) throw Object.assign(new Error('it is not a directory'), { code: 'ENOTDIR' });
  accessSync(resolved, constants.X_OK);
  return {
    path: resolved,
    inode: `${stats.dev}/${stats.ino}`,
    // A user that may read the directory may read the frames
    mode: thisPlatform.hasModes ? 0o600 | (Number(stats.mode) & 0o044) : 0o600,
    problem: isSafe ? listProblem(resolved) : 'EOWNER',
  };
}

/**
 * Returns the code of the reason why this user cannot list a directory. Returns undefined if the user can. Without a list the
 * limit on its size cannot be enforced.
 */
function listProblem(directory: string): string | undefined {
  try {
    accessSync(directory, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = problemOf(error);
    return code === 'EACCES' ? 'ELIST' : code;
  }
}

/**
 * Calls `use` with a path that leads to the directory that was opened. The owner may have put a link in its place, which would
 * lead eviction to files that are not frames. Throws the errors of the system and of `use`, and ENOENT if no path leads to it.
 */
export function withDirectory<T>(directory: OpenedDirectory, use: (path: string) => T): T {
  // Windows opens no directories
  if (constants.O_DIRECTORY === undefined) return use(directory.path);
  const { openFiles, filesByInode } = thisPlatform;
  return withFile(directory.path, constants.O_RDONLY | constants.O_DIRECTORY, fd => {
    // Some containers have no /proc, and some file systems of macOS no paths by inode
    const paths = [
      openFiles && `${openFiles}/${fd}`,
      filesByInode && `${filesByInode}/${directory.inode}`,
      directory.path,
    ];
    const found = paths.find(path => path !== undefined && leadsTo(path, directory));
    if (found === undefined) throw Object.assign(new Error('the directory was replaced'), { code: 'ENOENT' });
    return use(found);
  });
}

function leadsTo(path: string, { inode }: OpenedDirectory): boolean {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats !== undefined && `${stats.dev}/${stats.ino}` === inode;
}
