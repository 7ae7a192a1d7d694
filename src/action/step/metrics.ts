import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { thisPlatform, thisUser } from '../../archive/fs/platform.ts';
import { generationPrefix } from '../../cache/keys/key-prefix.ts';
import type { PhaseFacts } from '../../report/closing-line.ts';
import type { Environment } from '../inputs/read-input.ts';

/** Limit on a line, in bytes: PIPE_BUF of Linux. Other systems do not split writes of this size either. */
const MAX_LINE_BYTES = 4096;
/** Limit on the file, in bytes, so that a file that nothing rotates does not fill the disk. It has room for 200,000 phases. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Limit on a text in a line, in UTF-16 units. JSON needs up to 6 bytes for one. */
const MAX_TEXT = 200;

/** Flags by which a link is not followed and a FIFO does not block: other users may write to the directory. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_APPEND | thisPlatform.openFlags;

/**
 * Appends a line of JSON about a phase to the file that CACHE_S3_METRICS_FILE names, if it is set. The runner's configuration
 * sets it, so it is no input. Returns one sentence if the line cannot be written. Returns undefined otherwise.
 */
export function writeMetrics(env: Environment, facts: PhaseFacts, primaryKey: string): string | undefined {
  const file = env.CACHE_S3_METRICS_FILE?.trim();
  if (!file) return undefined;
  try {
    append(file, metricsLine(facts, env.GITHUB_REPOSITORY ?? '', primaryKey));
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `CACHE_S3_METRICS_FILE: no line was written (${code ?? message}); the cache is not affected. Check the file, its permissions and its disk.`;
  }
}

/** Returns a line of at most 4096 bytes, with its line end. A fact that is not known is left out. */
export function metricsLine(facts: PhaseFacts, repository: string, primaryKey: string): string {
  const { op, result, source, sizeBytes, rawBytes, reusedBytes, fetchedBytes, diskBytes, ms } = facts;
  const line = JSON.stringify({
    time: new Date().toISOString(),
    op,
    result,
    source,
    bytes: sizeBytes,
    rawBytes,
    reusedBytes: reusedBytes || undefined,
    fetchedBytes,
    diskBytes,
    ms: Math.round(ms),
    requests: facts.requests,
    retries: facts.retries,
    repository: repository.slice(0, MAX_TEXT),
    keyPrefix: generationPrefix(primaryKey),
  });
  return `${line}\n`;
}

/** Appends a line by one write, so that the lines of several jobs do not mix. Throws if it was not written in full. */
function append(file: string, line: string): void {
  // A step runs in the workspace: the file of a relative path would be among the job's files
  if (!path.isAbsolute(file)) throw new Error('the path is not absolute');
  const bytes = Buffer.from(line);
  if (bytes.length > MAX_LINE_BYTES) throw new Error('the line is too long');
  const fd = create(file) ?? openSync(file, OPEN_FLAGS);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new Error('it is no regular file');
    const { size, nlink } = status;
    if (size > MAX_FILE_BYTES) throw new Error(`it has over ${MAX_FILE_BYTES} bytes, so rotate it`);
    // Another user may have given any file of the file system a name in a directory of that user
    if (thisUser.uid === 0 && nlink > 1)
      throw new Error('it has hard links, through which root does not write');
    const written = writeSync(fd, bytes);
    if (written < bytes.length) {
      // The rest is not written later, because lines of other jobs would be in between. If one is there already, the part stays
      if (fstatSync(fd).size === size + written) ftruncateSync(fd, size);
      throw new Error('the disk or a quota is full');
    }
  } finally {
    closeSync(fd);
  }
}

/** Creates the file. Returns undefined if it exists. */
function create(file: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(file, OPEN_FLAGS | constants.O_CREAT | constants.O_EXCL, 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  giveToOwner(fd, path.dirname(file));
  return fd;
}

/** Gives a file that root has just made (`sudo: true`) to the owner of its directory, because steps of that user write to it too. */
function giveToOwner(fd: number, directory: string): void {
  if (thisUser.uid !== 0) return;
  const { uid, gid } = statSync(directory);
  if (uid !== 0) fchownSync(fd, uid, gid);
}
