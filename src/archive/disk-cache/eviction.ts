import { opendirSync, type Stats, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { compressBound } from '../format/codec.ts';
import { MAX_FRAME_RAW_BYTES } from '../format/limits.ts';
import { STICKY } from '../fs/attributes.ts';
import { thisUser } from '../fs/platform.ts';
import type { DiskCacheSettings } from '../messages/disk-request.ts';
import { fileKind, statusOf, tryUnlink } from './frame-files.ts';

/** Candidates that one reading of the directory remembers: the memory does not depend on the number of files. */
const CANDIDATES = 4096;
const READINGS = 16;
/** Names between two turns of the event loop. */
const NAMES_A_TURN = 500;
/** Files that are removed between two turns: it may take a millisecond for each. */
const FILES_A_TURN = 50;
/** A claim that was not touched for so many ms has no holder. */
const ABANDONED_MS = 60_000;
/** Free space that is left to others: a tenth of the file system, at most this many bytes. */
const MAX_RESERVE_BYTES = 1e9;
const MAX_FRAME_BYTES = compressBound(MAX_FRAME_RAW_BYTES);

interface Candidate {
  readonly file: string;
  readonly size: number;
  readonly usedMs: number;
}

/**
 * Removes frames, least recently used first, until the limit is kept and a part of the disk is free, and claims that killed
 * jobs have left. Any number of processes may do it at once. Files that this user may not remove stay. Returns whether the limit
 * is kept. Throws the system's error if the directory cannot be read.
 */
export async function evict({ directory, maxBytes }: DiskCacheSettings): Promise<boolean> {
  let olderStay = Number.NEGATIVE_INFINITY;
  for (let reading = 1; reading <= READINGS; reading++) {
    const { total, oldest } = await readDirectory(directory, olderStay);
    let excess = total - Math.min(maxBytes, total + spareBytes(directory));
    for (const [index, { file, size, usedMs }] of oldest.entries()) {
      if (excess <= 0) return true;
      // Claims are touched meanwhile
      if (index % FILES_A_TURN === FILES_A_TURN - 1) await setImmediate();
      if (tryUnlink(file)) excess -= size;
      else olderStay = Math.max(olderStay, usedMs);
    }
    if (excess <= 0) return true;
    if (oldest.length === 0) return false;
  }
  return false;
}

/** Returns the bytes of all frames and claims, and the frames that were used least recently, after `olderStay`. */
async function readDirectory(
  directory: string,
  olderStay: number,
): Promise<{ readonly total: number; readonly oldest: readonly Candidate[] }> {
  let total = 0;
  let oldest: Candidate[] = [];
  const keepOldest = () => {
    oldest.sort((a, b) => a.usedMs - b.usedMs);
    oldest = oldest.slice(0, CANDIDATES);
  };
  const now = Date.now();
  const mayRemove = permission(directory);
  const names = opendirSync(directory, { bufferSize: NAMES_A_TURN });
  try {
    for (let count = 1; ; count++) {
      const name = names.readSync()?.name;
      if (name === undefined) break;
      if (count % NAMES_A_TURN === 0) await setImmediate();
      const kind = fileKind(name);
      const file = path.join(directory, name);
      const stats = kind && statusOf(file);
      if (!stats?.isFile()) continue;
      const usedMs = lastUse(stats, now);
      const isOurs = mayRemove(stats);
      if (isUseless(kind, stats, now - usedMs)) {
        if (isOurs) tryUnlink(file);
        continue;
      }
      total += stats.size;
      if (kind === 'frame' && isOurs && usedMs > olderStay) oldest.push({ file, size: stats.size, usedMs });
      if (oldest.length >= 2 * CANDIDATES) keepOldest();
    }
  } finally {
    names.closeSync();
  }
  keepOldest();
  return { total, oldest };
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
