import { rm } from 'node:fs/promises';
import path from 'node:path';
import { isInUse } from '../../archive/fs/rename.ts';
import { isDenied } from '../../archive/fs/tree-errors.ts';
import type { Log } from '../../report/log.ts';
import type { UnfinishedUpload } from '../object-store.ts';
import { createFile } from './create-file.ts';
import { temporaryFile, temporaryObjectName } from './file-names.ts';
import { modifiedMsOf, statObjectFile, systemCode } from './files.ts';
import { discardFile } from './in-use.ts';
import { walkFiles } from './walk.ts';

/** The temporary file of an upload that was neither completed nor aborted. */
interface UploadFile extends UnfinishedUpload {
  readonly file: string;
}

/**
 * Returns the files of uploads under `prefix` that were last written to at `oldestMs` or before. Skips files that this user may
 * not read. Throws the system's errors.
 */
export async function findUploads(
  root: string,
  prefix: string,
  oldestMs: number,
  log: Log,
): Promise<UploadFile[]> {
  const found: UploadFile[] = [];
  const leaveOut = (error: unknown) => {
    if (!isDenied(systemCode(error))) throw error;
    log.debug(`directory: skipped: ${(error as Error).message}`);
  };
  for await (const levels of walkFiles(root, prefix, leaveOut)) {
    const name = temporaryObjectName(levels);
    if (!name?.startsWith(prefix)) continue;
    const file = path.join(root, ...levels);
    const stats = await statObjectFile(file).catch(leaveOut);
    const begunMs = stats && modifiedMsOf(stats);
    if (begunMs !== undefined && begunMs <= oldestMs) found.push({ name, begunMs, file });
  }
  return found;
}

/** Removes files. Returns their number, or throws the first refusal if it has removed none. Throws other errors at once. */
export async function removeUploads(uploads: readonly UploadFile[]): Promise<number> {
  let removed = 0;
  let refusal: unknown;
  for (const { file } of uploads) {
    try {
      await rm(file, { force: true });
      removed++;
    } catch (error) {
      // On Windows a process may have it open
      if (isInUse(error)) continue;
      if (!isDenied(systemCode(error))) throw error;
      refusal ??= error;
    }
  }
  if (removed === 0 && refusal !== undefined) throw refusal;
  return removed;
}

/**
 * Returns the time in ms since 1970 by the clock of the file system, which on a network mount is the server's. Makes a file
 * beside `file` for a moment. Throws the system's errors.
 */
export async function fileSystemTimeMs(file: string, root: string): Promise<number> {
  // It has the name of an unfinished upload, so a later sweep removes it if this process is killed
  const probe = temporaryFile(file);
  const handle = await createFile(probe, root);
  try {
    return (await handle.stat()).mtimeMs;
  } finally {
    await handle.close();
    await discardFile(probe);
  }
}
