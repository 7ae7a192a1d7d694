import { opendirSync, type Stats, statfsSync, statSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { compressBound } from '../format/codec.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/limits.ts';
import { STICKY } from '../fs/attributes.ts';
import { lstat } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { thisUser } from '../fs/platform.ts';
import type { EvictJob, EvictResult } from '../messages/disk-job.ts';
import { fileKind } from './frame-files.ts';
import { withDirectory } from './opened-directory.ts';
import { problemOf } from './problems.ts';

/**
 * How often the directory is measured. One round is not enough if some of the oldest files cannot be removed, or other processes use
 * or remove them meanwhile: then the next ones by age are removed in a second round.
 */
const ROUNDS = 4;
/**
 * Time in ms in which the directory is read once: the worker receives no bytes meanwhile. It is enough for some 250,000 files on a
 * local disk. Of more files, only those that it has reached are counted and removed; the next check goes on.
 */
const READING_MS = 2000;
/** Frames of which a round keeps the times and sizes. They take 16 bytes each, and any user may make a great number of files. */
const MAX_CANDIDATES = 500_000;
/** Names that one call reads. */
const NAMES_A_CALL = 500;
/** A claim that was not touched for so many ms has no holder. */
const ABANDONED_MS = 60_000;
/** Free space that is left to others: a tenth of the file system, at most this many bytes. */
const MAX_RESERVE_BYTES = 1e9;
const MAX_FRAME_BYTES = compressBound(MAX_FRAME_RAW_BYTES);

interface CountedFile {
  readonly file: string;
  readonly size: number;
  readonly usedMs: number;
  /** Whether it is a frame that this process may remove. */
  readonly isCandidate: boolean;
}

/**
 * Removes frames, least recently used first, until the limit is kept and a part of the disk is free, and claims that killed
 * jobs have left. Any number of processes may do it at once. Files that this user may not remove stay. Throws the system's error
 * if the directory cannot be read.
 */
export function evict({ directory, maxBytes }: EvictJob): EvictResult {
  return withDirectory(directory, path => ({ isKept: keepLimit(path, maxBytes) }));
}

/**
 * Reads the directory twice in a round, for the times of all frames and then for the names of some: names need ten times the
 * memory. Returns false only if all files were read and too many of them cannot be removed. Takes three times `READING_MS` at most.
 */
function keepLimit(directory: string, maxBytes: number): boolean {
  const isLate = timeLimit();
  const times = new Float64Array(MAX_CANDIDATES);
  const sizes = new Float64Array(MAX_CANDIDATES);
  let triedMs = Number.NEGATIVE_INFINITY;
  for (let round = 1; round <= ROUNDS; round++) {
    let total = 0;
    let count = 0;
    for (const { size, usedMs, isCandidate } of countedFiles(directory)) {
      total += size;
      if (!isCandidate || usedMs <= triedMs || count === MAX_CANDIDATES) continue;
      times[count] = usedMs;
      sizes[count++] = size;
    }
    let excess = total - Math.min(maxBytes, total + spareBytes(directory));
    if (excess <= 0) return true;
    // If the reading was late, there may be candidates that it has not reached
    if (count === 0) return isLate();
    const lastMs = timeOfOldest(excess, times.subarray(0, count), sizes);
    for (const { file, size, usedMs, isCandidate } of countedFiles(directory)) {
      if (!isCandidate || usedMs <= triedMs || usedMs > lastMs || !tryUnlink(file)) continue;
      excess -= size;
      if (excess <= 0) return true;
    }
    // The next check goes on
    if (isLate()) return true;
    triedMs = lastMs;
  }
  return false;
}

/** Returns a function that returns whether `READING_MS` have passed since this call. */
function timeLimit(): () => boolean {
  const endMs = performance.now() + READING_MS;
  return () => performance.now() >= endMs;
}

/** Returns the time of the last of the oldest files that have `bytes` together, or of the last one of all. */
function timeOfOldest(bytes: number, times: Float64Array, sizes: Float64Array): number {
  const order = Uint32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]!);
  let sum = 0;
  const last = order.find(index => {
    sum += sizes[index]!;
    return sum >= bytes;
  });
  return times[last ?? order.at(-1)!]!;
}

/** Lists the frames and claims until `READING_MS` have passed. Removes those that are useless. */
function* countedFiles(directory: string): Generator<CountedFile> {
  const isLate = timeLimit();
  const now = Date.now();
  const mayRemove = permission(directory);
  const names = opendirSync(directory, { bufferSize: NAMES_A_CALL });
  try {
    for (let name = names.readSync()?.name; name !== undefined && !isLate(); name = names.readSync()?.name) {
      const kind = fileKind(name);
      const file = path.join(directory, name);
      const stats = kind && ignoreErrors(() => lstat(file));
      if (!stats?.isFile()) continue;
      const usedMs = lastUse(stats, now);
      const isOurs = mayRemove(stats);
      if (!isUseless(kind, stats, now - usedMs)) {
        yield { file, size: stats.size, usedMs, isCandidate: kind === 'frame' && isOurs };
      } else if (isOurs) {
        tryUnlink(file);
      }
    }
  } finally {
    names.closeSync();
  }
}

/** Removes a file. Returns whether none has this name any more. Windows does not remove one that is open. Never throws. */
function tryUnlink(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch (error) {
    return problemOf(error) === 'ENOENT';
  }
}

/** Returns whether this process may remove files: in a sticky directory only its owner, root and the owner of a file may. */
function permission(directory: string): (file: Stats) => boolean {
  const { mode, uid } = statSync(directory);
  const mayRemoveAll = (mode & STICKY) === 0 || thisUser.uid === 0 || thisUser.uid === uid;
  return file => mayRemoveAll || file.uid === thisUser.uid;
}

/** A time in the future was set by hand, and would keep the file for ever: it counts as none. */
function lastUse({ mtimeMs, atimeMs }: Stats, now: number): number {
  const used = Math.max(mtimeMs, atimeMs);
  return used > now + ABANDONED_MS ? 0 : used;
}

/**
 * Returns whether a file is no frame, by its size, or a claim without a holder. It is not counted, even if it cannot be removed:
 * one sparse file of another user would displace all frames.
 */
function isUseless(kind: 'frame' | 'claim' | undefined, { size }: Stats, unusedMs: number): boolean {
  if (size > MAX_FRAME_BYTES) return true;
  return kind === 'frame' ? size === 0 : unusedMs > ABANDONED_MS;
}

/** Returns how many bytes more may be stored so that the reserve of the file system stays free. Negative: too many are. */
function spareBytes(directory: string): number {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return bavail * bsize - Math.min(MAX_RESERVE_BYTES, (blocks * bsize) / 10);
}
