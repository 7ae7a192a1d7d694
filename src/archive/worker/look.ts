import type { BigIntStats } from 'node:fs';
import { readlinkSync } from 'node:fs';
import { type Attributes, EntryType } from '../format/entry.ts';
import { lstatExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { decodeName, fsPath } from '../fs/names.ts';
import { thisPlatform, toMicroseconds } from '../fs/platform.ts';
import { Found, LookColumn, type LookJob, type LookResult, splitStrings } from '../threads/jobs.ts';

/**
 * Runs in a worker: compares what is on the disk with the entries, as far as type, size, mode, owner, target and mtime
 * (in microseconds) tell. Never throws: what cannot be looked at is not current.
 */
export function lookAt(job: LookJob): LookResult {
  const count = job.numbers.length / LookColumn.width;
  const paths = splitStrings(job.paths, count);
  const targets = splitStrings(job.targets, count);
  const found = new Uint8Array(count);
  const inodes: bigint[] = [];
  for (let index = 0; index < count; index++) {
    const stats = ignoreErrors(() => lstatExact(paths[index]!));
    if (!stats) continue;
    const isDirectory = stats.isDirectory();
    // A directory has a name for each directory in it
    if (stats.nlink > 1n && !isDirectory) inodes.push(BigInt(index), stats.dev, stats.ino);
    const entry = job.numbers.subarray(index * LookColumn.width, (index + 1) * LookColumn.width);
    if (isCurrent(entry, targets[index]!, paths[index]!, stats)) found[index] = Found.current;
    else if (isDirectory) found[index] = Found.directory;
  }
  return { found, inodes: BigInt64Array.from(inodes) };
}

function isCurrent(entry: Float64Array, target: string, path: string, stats: BigIntStats): boolean {
  const attributes = {
    mode: entry[LookColumn.mode]!,
    mtimeUs: entry[LookColumn.mtimeUs]!,
    uid: entry[LookColumn.uid]!,
    gid: entry[LookColumn.gid]!,
  };
  if (entry[LookColumn.type] === EntryType.symlink) {
    const linked = () => decodeName(readlinkSync(fsPath(path), 'buffer'));
    return stats.isSymbolicLink() && hasTimeAndOwner(attributes, stats) && ignoreErrors(linked) === target;
  }
  if (entry[LookColumn.type] === EntryType.directory)
    return stats.isDirectory() && hasAttributes(attributes, stats);
  return stats.isFile() && Number(stats.size) === entry[LookColumn.size] && hasAttributes(attributes, stats);
}

/** Whether a file or directory has the mode, owner and mtime that its entry says. */
export function hasAttributes(entry: Attributes, stats: BigIntStats): boolean {
  const sameMode = !thisPlatform.hasModes || (Number(stats.mode) & 0o7777) === entry.mode;
  return sameMode && hasTimeAndOwner(entry, stats);
}

function hasTimeAndOwner({ mtimeUs, uid, gid }: Attributes, stats: BigIntStats): boolean {
  if (toMicroseconds(stats.mtimeNs) !== mtimeUs) return false;
  return !thisPlatform.keepsOwners || uid < 0 || (Number(stats.uid) === uid && Number(stats.gid) === gid);
}
