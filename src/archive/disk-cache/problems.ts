/** Messages about a directory that cannot be used, by the code of the system's error or a code of the disk cache itself. */

import { OPEN_FILES_LIMIT } from '../archive-errors.ts';
import { isDenied } from '../fs/tree-errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist: create it, or change the input',
  ENOTDIR: 'it is not a directory',
  EACCES: 'this user may not enter it: change its mode or owner',
  EPERM: 'this user may not use it: change its mode or owner',
  ELOOP: 'its path has too many links',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
  EDQUOT: 'the quota of its disk is used up',
  EMFILE: OPEN_FILES_LIMIT,
  ENFILE: 'this system has too many open files',
  ETIMEDOUT: 'it does not respond: check its mount',
  EOWNER:
    'this step runs as root, and another user owns the directory or may replace it: give it to root, with mode 1777',
  ELIST: 'this user may not list it, and so cannot limit its size: change its mode or owner',
  EFULL: 'its frames belong to other users and exceed its size: use one user for all jobs',
};

/** Returns the code by which the problem of a system's error is reported. */
export function problemOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

const reasonOf = (code: string) => REASONS[code] ?? `the system reported ${code}`;

/** Returns the line about a directory that is not used. */
export function diskProblem(directory: string, code: string): string {
  return `The disk cache ${directory} is not used, all frames are read from the bucket: ${reasonOf(code)}.`;
}

/** Returns the line about a directory from which frames are read, but in which none are stored. */
export function storeProblem(directory: string, code: string): string {
  const reason = isDenied(code) ? 'this user may not write into it' : reasonOf(code);
  return `Nothing is stored in the disk cache ${directory}: ${reason}.`;
}
