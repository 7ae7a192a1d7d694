import { SourceTreeError, TargetTreeError } from '../archive-errors.ts';

/** Makes the error for a path that cannot be read, from the system's error. */
export function readError(path: string, cause: unknown): SourceTreeError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const advice = code === 'EACCES' || code === 'EPERM' ? '; `sudo: true` reads it as root' : '';
  return new SourceTreeError(`${path} cannot be read (${code})${advice}`, { cause });
}

/** Returns what `read` returns. Throws `readError` in place of the system's error. */
export function wrapReadError<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw readError(path, error);
  }
}

/** Explanations of error codes that users may not know. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  EDQUOT: 'the quota of this user is used up, EDQUOT',
  ENOSPC: 'the disk is full, ENOSPC',
  EROFS: 'the file system is read-only, EROFS',
};

/** Makes the error for a path that cannot be written, from the system's error, with its `code`. */
export function writeError(path: string, cause: unknown): TargetTreeError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const isDenied = (code === 'EACCES' || code === 'EPERM') && (process.geteuid?.() ?? 0) !== 0;
  const advice = isDenied ? '; remove it or set `sudo: true`' : '';
  const error = new TargetTreeError(`${path} cannot be written (${EXPLANATIONS[code] ?? code})${advice}`, {
    cause,
  });
  return Object.assign(error, { code });
}
