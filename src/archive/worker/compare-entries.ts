import type { BigIntStats } from 'node:fs';
import { EntryType } from '../format/entry.ts';
import { type Attributes, isSameMode } from '../fs/attributes.ts';
import { lstatExact } from '../fs/file-status.ts';
import { fileTimes, splitMtime } from '../fs/file-times.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { hasTarget, readTarget } from '../fs/links/symlinks.ts';
import { thisPlatform } from '../fs/platform.ts';
import {
  type ComparedEntry,
  type CompareJob,
  type CompareResult,
  OnDisk,
  readComparedEntries,
} from '../messages/compare-job.ts';

/**
 * Compares entries with the disk by type, size, mode, owner, target and mtime.
 * Never throws: a path that cannot be read counts as changed.
 */
export function compareEntries(job: CompareJob): CompareResult {
  const entries = [...readComparedEntries(job)];
  const onDisk = new Uint8Array(entries.length);
  const inodes: string[] = new Array(entries.length).fill('');
  for (const [index, entry] of entries.entries()) {
    const stats = ignoreErrors(() => lstatExact(entry.path));
    if (!stats) continue;
    const isDirectory = stats.isDirectory();
    // A directory has a name for each directory in it
    if (stats.nlink > 1n && !isDirectory) inodes[index] = `${stats.dev}:${stats.ino}`;
    if (isUnchanged(entry, stats)) onDisk[index] = OnDisk.unchanged;
    else if (isDirectory) onDisk[index] = OnDisk.directory;
  }
  return { onDisk, inodes: inodes.join('\0') };
}

function isUnchanged(entry: ComparedEntry, stats: BigIntStats): boolean {
  if (entry.type === EntryType.symlink) {
    if (!stats.isSymbolicLink() || !hasTimeAndOwner(entry, stats)) return false;
    const target = ignoreErrors(() => readTarget(entry.path));
    return target !== undefined && hasTarget(entry.path, target, entry.target);
  }
  if (entry.type === EntryType.directory) return stats.isDirectory() && hasAttributes(entry, stats);
  return stats.isFile() && Number(stats.size) === entry.size && hasAttributes(entry, stats);
}

/** Returns whether a file or directory has the mode, owner and mtime of its entry. */
export function hasAttributes(entry: Attributes, stats: BigIntStats): boolean {
  const mode = Number(stats.mode) & 0o7777;
  return isSameMode(mode, entry.mode, stats.isDirectory()) && hasTimeAndOwner(entry, stats);
}

function hasTimeAndOwner(entry: Attributes, stats: BigIntStats): boolean {
  if (!fileTimes.isRestored(entry, splitMtime(stats.mtimeNs))) return false;
  const { uid, gid } = entry;
  return !thisPlatform.keepsOwners || uid < 0 || (Number(stats.uid) === uid && Number(stats.gid) === gid);
}
