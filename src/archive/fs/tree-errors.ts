import { OPEN_FILES_LIMIT, SourceTreeError, StagedFileError, TargetTreeError } from '../archive-errors.ts';
import { thisPlatform, thisUser } from './platform.ts';

/** Returns a path for a message, with only the platform's separator: below a step's directories, this code uses `/`. */
export function showPath(path: string): string {
  return path.replaceAll('/', thisPlatform.separator);
}

/** Advice about a file that cannot be written or replaced because a process has it open or runs it. */
export const IN_USE_ADVICE = 'end that process, or exclude the file with a `!` line in `path`';

/** Makes the error for a path that cannot be read, from the system's error. */
export function readError(path: string, cause: unknown): SourceTreeError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SourceTreeError(`${showPath(path)} cannot be read (${explain(code)})${readAdvice(code)}`, {
    cause,
  });
}

/** Returns whether the code of a system error means that the rights of this user do not allow the call. */
export function isDenied(code: string | undefined): boolean {
  return code === 'EACCES' || code === 'EPERM';
}

const isRoot = () => thisUser.uid === 0;

function readAdvice(code: string): string {
  if (thisPlatform.hasSudo) return isDenied(code) && !isRoot() ? '; `sudo: true` reads it as root' : '';
  if (isDenied(code)) return '; give this user the right to read it';
  return thisPlatform.inUseCodes.has(code) ? '; a process has it open and does not share it' : '';
}

/** Returns the result of `change`, which works on a path in staging. Throws `StagedFileError` in place of the system's error. */
export function wrapStagedError<T>(path: string, change: () => T): T {
  try {
    return change();
  } catch (error) {
    throw new StagedFileError(path, error);
  }
}

/** Explanations of error codes that are not common. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'the limit of the size of a file is reached; raise `fsize`',
  EMFILE: OPEN_FILES_LIMIT,
  ENOSPC: 'the disk is full or has no free inode',
  EROFS: 'the file system is read-only',
};

function explain(code: string): string {
  const explanation = EXPLANATIONS[code];
  return explanation === undefined ? code : `${code}: ${explanation}`;
}

/** Makes the error for a path that cannot be written, from the system's error, with its `code`. */
export function writeError(path: string, cause: unknown): TargetTreeError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const text = `${showPath(path)} cannot be written (${explain(code)})${writeAdvice(code)}`;
  return Object.assign(new TargetTreeError(text, { cause }), { code });
}

function writeAdvice(code: string): string {
  if (thisPlatform.inUseCodes.has(code))
    return `; if a process has it open or runs it, ${IN_USE_ADVICE}; else give this user the right to write it`;
  return isDenied(code) && !isRoot() && thisPlatform.hasSudo ? '; remove it or set `sudo: true`' : '';
}
