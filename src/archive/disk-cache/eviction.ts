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
 * Maximum number of rounds of measuring and removing. The first one is not enough if some of the oldest frames cannot be removed, or
 * other processes use or remove them meanwhile: then the next round removes the next frames by age.
 */
const ROUNDS = 4;
/**
 * Time in ms after which a reading of the directory ends, because the worker receives no bytes meanwhile. It is enough for about
 * 250,000 files on a local disk. Of a larger directory only the files that were read are counted and removed.
 */
const READING_MS = 2000;
/** Maximum number of frames whose times and sizes a round keeps, in 16 bytes each: any user may make any number of files. */
const MAX_CANDIDATES = 500_000;
/** Names that one call reads. */
const NAMES_A_CALL = 500;
/** Time in ms without a touch after which a claim is removed. */
const ABANDONED_MS = 60_000;
/** Maximum number of bytes that are left free for others. On a small file system it is a tenth of the size. */
const MAX_RESERVE_BYTES = 1e9;
const MAX_FRAME_BYTES = compressBound(MAX_FRAME_RAW_BYTES);

interface CountedFile {
  readonly file: string;
  readonly size: number;
  readonly usedMs: number;
  /** Whether this is a frame that this process may remove. */
  readonly isCandidate: boolean;
}

/**
 * Removes frames, least recently used first, until they take at most `maxBytes` and a part of the disk is free. Also removes
 * claims that killed jobs have left. Leaves files that this user may not remove. Any number of processes may call it at once.
 * Throws the system's error if the directory cannot be read.
 */
export function evict({ directory, maxBytes }: EvictJob): EvictResult {
  return withDirectory(directory, path => ({ isKept: removeExcess(path, maxBytes) }));
}

/**
 * Removes frames over the limit. Reads the directory twice in a round, for the times of all frames and then for the names of
 * some: names need ten times the memory. Returns false only if all files were read and too many of them cannot be removed.
 * Takes three times `READING_MS` at most.
 */
function removeExcess(directory: string, maxBytes: number): boolean {
  const isLate = startTimeLimit();
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
    // A reading that ended at its time limit may have missed candidates
    if (count === 0) return isLate();
    const lastMs = timeOfOldest(excess, times.subarray(0, count), sizes);
    for (const { file, size, usedMs, isCandidate } of countedFiles(directory)) {
      if (!isCandidate || usedMs <= triedMs || usedMs > lastMs || !tryRemove(file)) continue;
      excess -= size;
      if (excess <= 0) return true;
    }
    // The next check removes the others
    if (isLate()) return true;
    triedMs = lastMs;
  }
  return false;
}

/** Returns a function that returns whether `READING_MS` have passed since this call. */
function startTimeLimit(): () => boolean {
  const endMs = performance.now() + READING_MS;
  return () => performance.now() >= endMs;
}

/**
 * Returns the time of the last use up to which files must be removed to free `bytes`. Returns the time of the newest file if all
 * files together have fewer bytes.
 */
function timeOfOldest(bytes: number, times: Float64Array, sizes: Float64Array): number {
  const order = Uint32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]!);
  let sum = 0;
  const last = order.find(index => {
    sum += sizes[index]!;
    return sum >= bytes;
  });
  return times[last ?? order.at(-1)!]!;
}

/** Yields the frames and claims until `READING_MS` have passed. Removes useless files instead of yielding them. */
function* countedFiles(directory: string): Generator<CountedFile> {
  const isLate = startTimeLimit();
  const now = Date.now();
  const mayRemove = createRightCheck(directory);
  const names = opendirSync(directory, { bufferSize: NAMES_A_CALL });
  try {
    for (let name = names.readSync()?.name; name !== undefined && !isLate(); name = names.readSync()?.name) {
      const kind = fileKind(name);
      const file = path.join(directory, name);
      const stats = kind && ignoreErrors(() => lstat(file));
      if (!stats?.isFile()) continue;
      const usedMs = lastUse(stats, now);
      const isRemovable = mayRemove(stats);
      if (!isUseless(kind, stats, now - usedMs)) {
        yield { file, size: stats.size, usedMs, isCandidate: kind === 'frame' && isRemovable };
      } else if (isRemovable) {
        tryRemove(file);
      }
    }
  } finally {
    names.closeSync();
  }
}

/** Removes a file. Returns whether the name is free then: Windows does not remove a file that is open. Never throws. */
function tryRemove(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch (error) {
    return problemOf(error) === 'ENOENT';
  }
}

/** Returns a check whether this process may remove a file: in a sticky directory only its owner, root and the file's owner may. */
function createRightCheck(directory: string): (file: Stats) => boolean {
  const { mode, uid } = statSync(directory);
  const mayRemoveAll = (mode & STICKY) === 0 || thisUser.uid === 0 || thisUser.uid === uid;
  return file => mayRemoveAll || file.uid === thisUser.uid;
}

/** Returns the time of the last use in ms. Returns 0 for a time in the future, because it would keep the file for ever. */
function lastUse({ mtimeMs, atimeMs }: Stats, now: number): number {
  const used = Math.max(mtimeMs, atimeMs);
  return used > now + ABANDONED_MS ? 0 : used;
}

/**
 * Returns whether a file has a size that no frame has, or is an abandoned claim. Such files are not counted, even if they cannot
 * be removed: one sparse file of another user would displace all frames.
 */
function isUseless(kind: 'frame' | 'claim' | undefined, { size }: Stats, unusedMs: number): boolean {
  if (size > MAX_FRAME_BYTES) return true;
  return kind === 'frame' ? size === 0 : unusedMs > ABANDONED_MS;
}

/** Returns how many more bytes can be stored while the reserve stays free. Returns a negative number if it is not free. */
function spareBytes(directory: string): number {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return bavail * bsize - Math.min(MAX_RESERVE_BYTES, (blocks * bsize) / 10);
}
