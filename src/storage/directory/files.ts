import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, link, lstat, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { thisPlatform } from '../../archive/fs/platform.ts';
import { StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';
import { withObjectFiles } from './file-names.ts';
import { discardFile, replaceFile, retryInUse } from './in-use.ts';

/** Returns the code of a system error, or undefined for other errors. */
export function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Returns whether an error means that a path does not exist: a name in it is missing, or one above is no directory. */
export function isNotFound(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * Throws ENOTDIR if a file is in place of the directory or of one above it: every name below it would seem to be missing. The
 * directory itself may be missing. Throws the system's other errors.
 */
export async function refuseFileAsDirectory(directory: string): Promise<void> {
  for (let at = directory; ; at = path.dirname(at)) {
    try {
      if ((await stat(at)).isDirectory()) return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      if (at === path.dirname(at)) return;
      continue;
    }
    throw notDirectoryError(at);
  }
}

/**
 * Returns the first link on the path from `root`, without the root itself, to `directory`. Returns undefined if there is none. No
 * such link is followed: another user of the store may have made it. Throws the system's errors.
 */
export async function findLink(directory: string, root: string): Promise<string | undefined> {
  let at = root;
  for (const component of path.relative(root, directory).split(path.sep)) {
    at = path.join(at, component);
    try {
      if (at !== root && (await lstat(at)).isSymbolicLink()) return at;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return undefined;
    }
  }
  return undefined;
}

/** Returns whether a link is on the path from `root`, without the root itself, to the directory of a file. */
export async function isBehindLink(file: string, root: string): Promise<boolean> {
  return (await findLink(path.dirname(file), root)) !== undefined;
}

/** Makes the error of a file in place of a directory. Windows itself reports a path below a file as one that does not exist. */
export function notDirectoryError(file: string, cause?: unknown): Error {
  return Object.assign(new Error(`ENOTDIR: not a directory, '${file}'`, { cause }), { code: 'ENOTDIR' });
}

/**
 * Makes the ETag of an object's file. An equal ETag means equal bytes: objects are published by link or rename, which change no
 * part of the ETag, and are not written to afterwards.
 */
export function fileEtag(stats: BigIntStats): string {
  return `${stats.ino.toString(16)}-${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}`;
}

/** The latest time of a `Date`, in ms since 1970. The earliest is as long before 1970. */
const MAX_DATE_MS = 8.64e15;

/** Returns the modification time of a file in ms since 1970, limited to the range of `Date`: file systems have others too. */
export function modifiedMsOf({ mtimeMs }: Pick<BigIntStats, 'mtimeMs'>): number {
  return Math.max(-MAX_DATE_MS, Math.min(Number(mtimeMs), MAX_DATE_MS));
}

/** Returns the status of an object's file, or undefined if there is no regular file. Throws the system's errors. */
export async function statObjectFile(file: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await lstat(file, { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Opens an object's file for reading, without following a link and without waiting for the other end of a FIFO.
 * Returns undefined if there is no regular file. Throws the system's errors and the signal's reason.
 */
export async function openObjectFile(
  file: string,
  signal?: AbortSignal,
): Promise<{ readonly handle: FileHandle; readonly stats: BigIntStats } | undefined> {
  let handle: FileHandle;
  try {
    handle = await retryInUse(() => open(file, constants.O_RDONLY | thisPlatform.openFlags), signal);
  } catch (error) {
    // ELOOP is a link, ENXIO a socket
    if (isNotFound(error) || ['ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  let stats: BigIntStats | undefined;
  try {
    stats = await handle.stat({ bigint: true });
  } finally {
    if (!stats?.isFile()) await handle.close();
  }
  return stats.isFile() ? { handle, stats } : undefined;
}

/** Errors of link(2) on file systems without hard links (FAT, many network mounts), and for a file with too many links. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR', 'EINVAL']);

/**
 * Gives a finished temporary file the name of its object. Returns false if an object has that name. Of several processes one wins;
 * on a file system without hard links the last one may win, with a whole object, as on S3 (ADR 0017). Replaces links and FIFOs,
 * which are not objects. Throws the errors of `replaceFile`, and the system's errors.
 */
export async function publishNew(temporary: string, file: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await link(temporary, file);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code !== 'EEXIST' && !NO_HARD_LINKS.has(code)) throw error;
    if (await statObjectFile(file)) return false;
    await replaceFile(temporary, file, signal);
    return true;
  }
  // The object is stored, even if its temporary name remains
  await discardFile(temporary);
  return true;
}

/**
 * Converts a system error into one of the store contract. Returns any other error unchanged, and also the reason of `signal`,
 * which may be a system error of the tree, such as a full disk.
 */
export function fromSystemError(error: unknown, root: string, signal: AbortSignal | undefined): unknown {
  const code = systemCode(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code) || error === signal?.reason) return error;
  if (code === 'EBUSY' && thisPlatform.locksOpenFiles) {
    const text = `directory ${root}: a process has ${(error as NodeJS.ErrnoException).path} open and does not share it (EBUSY)`;
    return new StoreUnavailableError(text, { cause: error });
  }
  const message = `directory ${root}: ${withObjectFiles((error as Error).message)}`;
  return ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EEXIST'].includes(code)
    ? new StoreRefusedError(message, { input: 'endpoint' }, { cause: error })
    : new StoreUnavailableError(message, { cause: error });
}
