import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ObjectExistsError, StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';

/** Returns the code of a system error, or undefined for other errors. */
function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Whether a path does not exist: the file, a directory above it, or because a file is in a directory's place. */
export function isNotFound(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * Makes the ETag of an object's file. Objects are published by link or rename, which change none of its parts, and never
 * written to afterwards: an equal ETag means equal bytes.
 */
export function fileEtag(stats: BigIntStats): string {
  return `${stats.ino.toString(16)}-${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}`;
}

/** Returns the status of an object's file, or undefined if there is no regular file. Throws the system's errors. */
export async function statObjectFile(file: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await stat(file, { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Creates a new file, and the directories above it. Throws the system's errors. */
export async function createFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await makeDirectory(path.dirname(file));
    return open(file, 'wx');
  }
}

/**
 * Creates a directory and the missing ones above it. Node's own `recursive` never ends where the system returns ENOENT
 * although the parent exists (24.21, observed): below a mounted directory that its host has removed.
 */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeOne(directory);
  } catch (error) {
    const above = path.dirname(directory);
    if (systemCode(error) !== 'ENOENT' || above === directory) throw error;
    await makeDirectory(above);
    await makeOne(directory);
  }
}

/** Another job may make the same directory at the same time. */
async function makeOne(directory: string): Promise<void> {
  await mkdir(directory).catch(error => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
}

/** Errors of link(2) on file systems without hard links (FAT, many network mounts), and for a file with too many. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR', 'EINVAL']);

/**
 * Gives a finished temporary file its name if the name is free. Of several processes one wins; on a file system without
 * hard links the last one may win, with a whole object, as on S3 (ADR 0017).
 * Throws `ObjectExistsError` when the name is taken, and the system's errors.
 */
export async function publishNew(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') throw new ObjectExistsError(`${file} exists`, { cause: error });
    if (!NO_HARD_LINKS.has(code)) throw error;
    if (await statObjectFile(file)) throw new ObjectExistsError(`${file} exists`);
    await rename(temporary, file);
    return;
  }
  await rm(temporary, { force: true });
}

/** Makes the store's error of a system error; returns other errors unchanged. */
export function toStoreError(error: unknown, root: string): unknown {
  const code = systemCode(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const message = `directory ${root}: ${(error as Error).message}`;
  return ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EEXIST'].includes(code)
    ? new StoreRefusedError(message, "the input 'endpoint'", { cause: error })
    : new StoreUnavailableError(message, { cause: error });
}
