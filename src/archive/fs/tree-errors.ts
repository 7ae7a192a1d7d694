import { SourceTreeError, TargetTreeError } from '../archive-errors.ts';

/** The one sentence for something that cannot be read. */
export function readError(path: string, cause: unknown): SourceTreeError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const advice = code === 'EACCES' || code === 'EPERM' ? '; `sudo: true` reads it as root' : '';
  return new SourceTreeError(`${path} cannot be read (${code})${advice}`, { cause });
}

/** What `look` returns. Throws the sentence above in place of the system's error. */
export function wrapReadError<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw readError(path, error);
  }
}

/** What users know by other names than the system's. */
const inWords: Readonly<Record<string, string>> = {
  EDQUOT: 'the quota of this user is used up, EDQUOT',
  ENOSPC: 'the disk is full, ENOSPC',
  EROFS: 'the file system is read-only, EROFS',
};

/** The one sentence for something that cannot be written. */
export function writeError(path: string, cause: unknown): TargetTreeError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const error = new TargetTreeError(`${path} cannot be written (${inWords[code] ?? code})`, {
    cause,
  });
  return Object.assign(error, { code });
}
