import { rename, rm } from 'node:fs/promises';
import { IN_USE_WAITS_MS, isInUse } from '../../archive/fs/rename.ts';
import { sleep, systemClock } from '../../retry/clock.ts';
import { StoreUnavailableError } from '../store-errors.ts';
import { temporaryFile } from './file-names.ts';

/**
 * Runs `call`. On Windows repeats it for three seconds while a process has the file open. Throws its last error and the signal's
 * reason.
 */
export async function retryInUse<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (const ms of IN_USE_WAITS_MS) {
    try {
      return await call();
    } catch (error) {
      if (!isInUse(error)) throw error;
      await sleep(ms, systemClock, signal);
    }
  }
  return call();
}

/**
 * Renames a temporary file over an object's file. Windows refuses that while a process has the object open. After three seconds
 * the present object is renamed, which Windows allows if the process permits its deletion, as Node.js does. Throws
 * `StoreUnavailableError` if the process does not, the system's other errors, and the signal's reason.
 */
export async function replaceFile(temporary: string, file: string, signal?: AbortSignal): Promise<void> {
  try {
    await retryInUse(() => rename(temporary, file), signal);
  } catch (error) {
    if (!isInUse(error)) throw error;
    await replaceInUse(temporary, file, error);
  }
}

async function replaceInUse(temporary: string, file: string, cause: unknown): Promise<void> {
  const aside = temporaryFile(file);
  try {
    await rename(file, aside);
  } catch (error) {
    // The first refusal may have meant missing rights, which have the same code
    if (!isInUse(error)) throw cause;
    throw new StoreUnavailableError(
      `${file} cannot be replaced, because a process has it open (${(error as NodeJS.ErrnoException).code})`,
      { cause },
    );
  }
  try {
    await rename(temporary, file);
  } catch (error) {
    await rename(aside, file).catch(() => {});
    throw error;
  }
  await discardFile(aside);
}

/** Removes a temporary file. Never throws: a later sweep removes a file that remains. */
export async function discardFile(file: string): Promise<void> {
  await retryInUse(() => rm(file, { force: true })).catch(() => {});
}
