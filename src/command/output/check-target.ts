import type { Stats } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { CommandError } from '../command-error.ts';

/** The checks before the work that its result can be written. Each throws `CommandError` if it cannot. */

/** Checks a file, which is replaced if it exists. Its directory must exist. */
export async function checkOutputFile(file: string): Promise<void> {
  const stats = await statusOf(file);
  if (stats?.isDirectory()) throw new CommandError(`${file} cannot be written: it is a directory.`);
  const directory = path.dirname(path.resolve(file));
  if (!stats && !(await statusOf(directory))?.isDirectory()) {
    throw new CommandError(`${file} cannot be written: there is no directory ${directory}.`);
  }
  await checkAccess(file, stats ? file : directory);
}

/** Checks a directory, which is created if it does not exist. */
export async function checkOutputDirectory(directory: string): Promise<void> {
  let existing = path.resolve(directory);
  let stats = await statusOf(existing);
  for (; !stats && existing !== path.dirname(existing); stats = await statusOf(existing)) {
    existing = path.dirname(existing);
  }
  if (!stats?.isDirectory()) {
    throw new CommandError(`${directory} cannot be written: ${existing} is not a directory.`);
  }
  await checkAccess(directory, existing);
}

async function checkAccess(target: string, existing: string): Promise<void> {
  try {
    await access(existing, constants.W_OK);
  } catch (error) {
    throw unwritableTarget(target, error);
  }
}

/** Makes the error of a target that cannot be written because of a system's error. */
export function unwritableTarget(target: string, cause: unknown): CommandError {
  return new CommandError(`${target} cannot be written: ${(cause as Error).message}.`, { cause });
}

/** Returns the status of a path. Returns undefined if nothing is there. */
async function statusOf(name: string): Promise<Stats | undefined> {
  try {
    return await stat(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unwritableTarget(name, error);
  }
}
