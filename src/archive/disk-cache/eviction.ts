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
 * Time in ms after which a reading of the directory ends, and a removal, because the worker receives no bytes meanwhile. It is
 * enough for about 250,000 files on a local disk. Of a larger directory only the files that were read are counted and removed.
 */
const LIMIT_MS = 2000;
/** Maximum number of frames that are kept in mind, about 150 bytes for each: any user may make any number of files. */
const MAX_CANDIDATES = 250_000;
/** Names that one call reads. */
const NAMES_A_CALL = 500;
/** Time in ms without a touch after which a claim is removed. */
const ABANDONED_MS = 60_000;
/** Maximum number of bytes that are left free for others. On a small file system it is a tenth of the size. */
const MAX_RESERVE_BYTES = 1e9;
const MAX_FRAME_BYTES = compressBound(MAX_FRAME_RAW_BYTES);

/** A frame that this process may remove. */
interface Candidate {
  readonly name: string;
  readonly size: number;
  readonly usedMs: number;
}

/**
 * Removes frames, least recently used first, until they take at most `maxBytes` and a part of the disk is free. Also removes
 * claims that killed jobs have left. Leaves files that this user may not remove. Any number of processes may call it at once.
 * Throws the system's error if the directory cannot be read.
 */
export function evict({ directory, maxBytes }: EvictJob): EvictResult {
  return withDirectory(directory, path => ({ isKept: removeExcess(path, maxBytes) }));
}

/** Removes frames over the limit. Returns false only if all files were read and too many of them cannot be removed. */
function removeExcess(directory: string, maxBytes: number): boolean {
  const { total, candidates, isComplete } = readFrames(directory);
  let excess = total - Math.min(maxBytes, total + spareBytes(directory));
  const isLate = startTimeLimit();
  for (const { name, size } of candidates.sort((a, b) => a.usedMs - b.usedMs)) {
    // The next check removes the others
    if (excess <= 0 || isLate()) return true;
    if (tryRemove(path.join(directory, name))) excess -= size;
  }
  return excess <= 0 || !isComplete;
}

/** Returns a function that returns whether `LIMIT_MS` have passed since this call. */
function startTimeLimit(): () => boolean {
  const endMs = performance.now() + LIMIT_MS;
  return () => performance.now() >= endMs;
}

/** Adds up the bytes of frames and claims, and finds the frames to choose from. Removes useless files. */
function readFrames(directory: string) {
  const isLate = startTimeLimit();
  const now = Date.now();
  const mayRemove = createRightCheck(directory);
  const candidates: Candidate[] = [];
  let total = 0;
  let isComplete = false;
  const names = opendirSync(directory, { bufferSize: NAMES_A_CALL });
  try {
    while (!isLate() && candidates.length < MAX_CANDIDATES) {
      const name = names.readSync()?.name;
      isComplete = name === undefined;
      if (name === undefined) break;
      const kind = fileKind(name);
      const file = path.join(directory, name);
      const stats = kind && ignoreErrors(() => lstat(file));
      if (!stats?.isFile()) continue;
      const usedMs = lastUse(stats, now);
      const isRemovable = mayRemove(stats);
      if (isUseless(kind, stats, now - usedMs)) {
        if (isRemovable) tryRemove(file);
        continue;
      }
      total += stats.size;
      if (kind === 'frame' && isRemovable) candidates.push({ name, size: stats.size, usedMs });
    }
  } finally {
    names.closeSync();
  }
  return { total, candidates, isComplete };
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
