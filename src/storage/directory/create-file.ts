import type { Stats } from 'node:fs';
import { chmod, chown, type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { findLink, notDirectoryError, systemCode } from './files.ts';
import { discardFile } from './in-use.ts';

/**
 * Creates a new file of the store at `root`, and the missing directories above it. The mode of the root decides who may read
 * them (ADR 0017), not the umask. With `sudo: true` they belong to the owner of the root. Throws ELOOP for a link in place of a
 * directory below the root: another user of the store may have made it. Throws the system's errors.
 */
export async function createFile(file: string, root: string): Promise<FileHandle> {
  const link = await findLink(path.dirname(file), root);
  if (link !== undefined) {
    throw Object.assign(new Error(`${link} is a link, which is not followed`), { code: 'ELOOP' });
  }
  const handle = await openNew(file, root);
  try {
    const like = await stat(root);
    if (isGivenAway(like)) await handle.chown(like.uid, like.gid);
    const mode = fileMode(like.mode);
    if (mode !== PRIVATE_FILE) await handle.chmod(mode);
    return handle;
  } catch (error) {
    await handle.close();
    await discardFile(file);
    throw error;
  }
}

const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/** Returns the mode of an object's file. Only users who may write to the store may read it: its content may be private. */
function fileMode(rootMode: number): number {
  const group = rootMode & 0o020 ? 0o040 : 0;
  const others = rootMode & 0o002 ? 0o004 : 0;
  return PRIVATE_FILE | group | others;
}

/** Returns whether root creates for another user, the owner of the store. New files and directories are given to that user. */
function isGivenAway({ uid }: Stats): boolean {
  return process.geteuid?.() === 0 && uid !== 0;
}

async function openNew(file: string, root: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > 1) await makeDirectory(path.dirname(file), root);
      return await open(file, 'wx', PRIVATE_FILE);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || attempt > MAX_DIRECTORY_ATTEMPTS) throw error;
    }
  }
}

/** Attempts to make a file's directory: a delete in another process removes it while it is empty. */
const MAX_DIRECTORY_ATTEMPTS = 5;

/**
 * Creates a directory and the missing ones above it. Node's own `recursive` never ends where the system returns ENOENT
 * although the parent exists (24.21, observed): below a mounted directory that its host has removed.
 */
async function makeDirectory(directory: string, root: string): Promise<void> {
  try {
    await makeOne(directory, root);
  } catch (error) {
    const above = path.dirname(directory);
    if (systemCode(error) !== 'ENOENT' || above === directory) throw error;
    await makeDirectory(above, root);
    await makeOne(directory, root);
  }
}

/**
 * Creates a directory, or keeps one that exists. Below the root it has the root's mode, the root itself is private, and
 * directories above it are as the umask makes them.
 */
async function makeOne(directory: string, root: string): Promise<void> {
  const below = path.relative(root, directory);
  const isBelow = below !== '' && !below.startsWith('..');
  try {
    await mkdir(directory, isBelow || below === '' ? PRIVATE_DIRECTORY : 0o777);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    // Another job may make the same directory at the same time
    if ((await stat(directory)).isDirectory()) return;
    throw notDirectoryError(directory, error);
  }
  const like = await stat(isBelow ? root : path.dirname(directory));
  if (isGivenAway(like)) await chown(directory, like.uid, like.gid);
  if (isBelow) await chmod(directory, like.mode & 0o7777);
}
