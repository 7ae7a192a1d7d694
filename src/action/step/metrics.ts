import { closeSync, constants, fchownSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { generationPrefix } from '../../cache/keys/key-prefix.ts';
import type { PhaseFacts } from '../../report/closing-line.ts';
import type { Environment } from '../inputs/read-input.ts';

/** Bound of one line in bytes: PIPE_BUF of Linux, up to which writers keep a line in one piece also on other systems. */
const MAX_LINE_BYTES = 4096;
/** Bound of the file in bytes, about 200,000 phases. A file that is not read and rotated does not fill the disk. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Bound of a text in a line, in characters: JSON has up to 6 bytes for one. */
const MAX_TEXT = 200;

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
/** A link is not followed and a FIFO does not block: other users may write to the directory. Windows has neither flag. */
const OPEN_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/**
 * Appends a line of JSON about a phase to the file that CACHE_S3_METRICS_FILE names, if it is set. The runner's
 * configuration sets it, so it is no input. Returns one sentence if the line was not written, else undefined.
 */
export function writeMetrics(env: Environment, facts: PhaseFacts, primaryKey: string): string | undefined {
  const file = env.CACHE_S3_METRICS_FILE?.trim();
  if (!file) return undefined;
  try {
    append(file, metricsLine(facts, env.GITHUB_REPOSITORY ?? '', primaryKey));
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `CACHE_S3_METRICS_FILE: no line was written (${code ?? message}).`;
  }
}

/** Returns a line of at most 4096 bytes, with its line end. A fact that is not known is left out. */
export function metricsLine(facts: PhaseFacts, repository: string, primaryKey: string): string {
  const { op, result, source, bytes, rawBytes, reusedBytes, fetchedBytes, diskBytes, ms } = facts;
  const line = JSON.stringify({
    time: new Date().toISOString(),
    op,
    result,
    source,
    bytes,
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

/** Appends by one write, so that the lines of several jobs do not mix. Throws the system's errors. */
function append(file: string, line: string): void {
  // A step runs in the workspace, and a relative name would put the file among the job's
  if (!path.isAbsolute(file)) throw new Error('the path is not absolute');
  const bytes = Buffer.from(line);
  if (bytes.length > MAX_LINE_BYTES) throw new Error('the line is too long');
  const fd = openSync(file, OPEN_FLAGS, 0o644);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > MAX_FILE_BYTES) throw new Error(`it has over ${MAX_FILE_BYTES} bytes, so rotate it`);
    if (stats.size === 0) giveToOwner(fd, path.dirname(file));
    writeSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

/** Gives a file that root has just made (`sudo: true`) to the owner of its directory, whose other steps write to it too. */
function giveToOwner(fd: number, directory: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  if (uid !== 0) fchownSync(fd, uid, gid);
}
