import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ObjectExistsError, StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';
import { LOCK_MARK } from './file-names.ts';

/** File-system steps of the directory store that need a reason. */

/** The code of a system error. */
export function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** No such file: an object, a directory on the way to it, or a file where a directory would be. */
export function isAbsent(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * A file's identity and state. Objects are published by link or rename and never written to afterwards, so equal
 * means the same bytes; link and rename change none of the three.
 */
export function fileEtag(stats: BigIntStats): string {
  return `${stats.ino.toString(16)}-${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}`;
}

/** The stats of a regular file; undefined: there is none. */
export async function statFile(file: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await stat(file, { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Creates a file that was not there, and the directories above it. Modes follow the umask: hosts share stores. */
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
 * Creates a directory and what is missing above it. Node's own `recursive` never ends where the system says ENOENT
 * although the directory above is there (24.21, observed): below a mounted directory that its host has removed.
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

/** Another job may be making the same one. */
async function makeOne(directory: string): Promise<void> {
  await mkdir(directory).catch(error => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
}

/** Codes of file systems without hard links (FAT, many network mounts) and of a file that has too many. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR', 'EINVAL']);

/** A lock of publishing that is older was left by a process that died. */
const STALE_LOCK_MS = 60_000;

/**
 * Gives a finished temporary file its name if the name is free: of several processes one wins.
 * @param linkFile for tests: a file system without hard links.
 * @throws ObjectExistsError when the name is taken.
 */
export async function publishNew(temporary: string, file: string, linkFile = link): Promise<void> {
  try {
    await linkFile(temporary, file);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') throw new ObjectExistsError(`${file} exists`, { cause: error });
    if (!NO_HARD_LINKS.has(code)) throw error;
    await renameIfAbsent(temporary, file);
    return;
  }
  await rm(temporary, { force: true });
}

/** Without hard links: the right to look and rename belongs to whoever creates the lock file. */
async function renameIfAbsent(temporary: string, file: string): Promise<void> {
  const lock = path.join(path.dirname(file), LOCK_MARK + path.basename(file));
  const handle = await takeLock(lock);
  try {
    if (await statFile(file)) throw new ObjectExistsError(`${file} exists`);
    await rename(temporary, file);
  } finally {
    await handle.close();
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string): Promise<FileHandle> {
  try {
    return await open(lock, 'wx');
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    const age = Date.now() - Number((await statFile(lock))?.mtimeMs ?? Date.now());
    if (age < STALE_LOCK_MS) throw new ObjectExistsError(`${lock} exists: another process is publishing it`);
    await rm(lock, { force: true });
    return open(lock, 'wx');
  }
}

/** A system error as the store's contract names it. Errors of the contract pass. */
export function toStoreError(error: unknown, root: string): unknown {
  const code = systemCode(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const message = `directory ${root}: ${(error as Error).message}`;
  return ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'ELOOP', 'EEXIST'].includes(code)
    ? new StoreRefusedError(message, "the input 'endpoint'", { cause: error })
    : new StoreUnavailableError(message, { cause: error });
}
