import { type BigIntStats, chmodSync, chownSync, lstatSync, utimesSync } from 'node:fs';
import type { Attributes } from '../format/entry.ts';
import { fileTimes, splitMtime } from '../fs/file-times.ts';
import { fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { modeWithoutOwner, RefusedAttributes } from '../fs/refused-attributes.ts';

/** Attributes that a directory gets back after something was built in it or moved through it. */
export type DirectoryAttributes = Omit<Attributes, 'uid' | 'gid'>;

export function attributesOf(path: string): DirectoryAttributes {
  return attributesIn(lstatSync(fsPath(path), { bigint: true }));
}

/** Returns undefined if `path` is not a directory. Uses one call, because another job may move it at any moment. */
export function attributesOfDirectory(path: string): DirectoryAttributes | undefined {
  const stats = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
  return stats?.isDirectory() ? attributesIn(stats) : undefined;
}

export function attributesIn(stats: BigIntStats): DirectoryAttributes {
  return { mode: Number(stats.mode) & 0o7777, ...splitMtime(stats.mtimeNs) };
}

/**
 * Sets mode and times of `path`, and its owner where one is given and this platform keeps owners. Counts what the system
 * refuses in `refused`. Throws the system's other errors.
 */
export function applyAttributes(
  path: string,
  attributes: DirectoryAttributes | Attributes,
  refused = new RefusedAttributes(),
): void {
  let { mode } = attributes;
  if (thisPlatform.keepsOwners && 'uid' in attributes && attributes.uid >= 0) {
    const { uid, gid } = attributes;
    if (!refused.attempt('owners', () => chownSync(fsPath(path), uid, gid))) mode = modeWithoutOwner(mode);
  }
  if (thisPlatform.hasModes) refused.attempt('modes', () => chmodSync(fsPath(path), mode));
  refused.attemptTime(
    attributes,
    seconds => utimesSync(fsPath(path), Date.now() / 1000, seconds),
    () => lstatSync(fsPath(path)).mtimeMs,
  );
}

/** Returns whether a directory has the attributes `expected`, as far as `applyAttributes` can set them. */
export function sameAttributes(found: DirectoryAttributes, expected: DirectoryAttributes): boolean {
  return found.mode === expected.mode && fileTimes.isRestored(expected, found);
}
