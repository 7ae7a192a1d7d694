import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { findMount, readMountPoints } from '../fs/mounts.ts';
import { decodeName, fsPath } from '../fs/names.ts';
import { isStagingName } from '../fs/staging-name.ts';
import { makeWritable } from '../fs/writable.ts';
import { applyAttributes, attributesOf } from './attributes.ts';
import { withShortPath } from './short-path.ts';
import { ownerState } from './staging-owner.ts';

/** Age in ms from which staging is removed although its process may still run. */
export const STALE_STAGING_MS = 24 * 60 * 60 * 1000;

/** Staging of earlier restores that remains in a directory. */
export interface RemainingStaging {
  readonly directory: string;
  /** Count of those whose process may still run. */
  readonly maybeInUse: number;
  /** Count of those that this user cannot remove. */
  readonly irremovable: number;
}

/**
 * Removes staging in `directory` whose process has ended, or that is older than `olderThanMs`. Returns the rest, without
 * the staging of processes that run, or undefined if there is none. Never throws.
 */
export function removeStaleStaging(directory: string, olderThanMs: number): RemainingStaging | undefined {
  // Another job may have removed the directory, and nothing depends on the result
  return ignoreErrors(() =>
    withShortPath(directory, short => {
      const found = readdirSync(fsPath(short))
        .filter(isStagingName)
        .map(name => classify(`${short}/${name}`, olderThanMs));
      const stale = found.flatMap(({ path, state }) => (state === 'stale' ? [path] : []));
      const left = stale.length > 0 ? removeFrom(short, stale) : 0;
      const maybeInUse = found.filter(({ state }) => state === 'maybeInUse').length;
      const irremovable = left + found.filter(({ state }) => state === 'irremovable').length;
      return maybeInUse + irremovable > 0 ? { directory, maybeInUse, irremovable } : undefined;
    }),
  );
}

interface FoundStaging {
  readonly path: string;
  readonly state: 'stale' | 'maybeInUse' | 'irremovable' | 'ignored';
}

/** Only directories are staging, and only those of this user can be removed. */
function classify(path: string, olderThanMs: number): FoundStaging {
  const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return { path, state: 'ignored' };
  const user = process.geteuid?.() ?? 0;
  const isOwn = user === 0 || stats.uid === user;
  if (Date.now() - stats.mtimeMs >= olderThanMs) return { path, state: isOwn ? 'stale' : 'irremovable' };
  if (!isOwn) return { path, state: 'ignored' };
  return {
    path,
    state: ({ ended: 'stale', unknown: 'maybeInUse', running: 'ignored' } as const)[ownerState(path)],
  };
}

/** Returns the count of those that could not be removed. */
function removeFrom(directory: string, stale: readonly string[]): number {
  const real = realPathOf(directory);
  const mounts = readMountPoints();
  // A mount in staging came with a directory that was moved aside: it is the user's
  const removable = stale.filter(path => findMount(join(real, basename(path)), mounts) === undefined);
  const before = attributesOf(real);
  // Staging with files of root stays. The rest is removed, and the directory gets its mode back
  const removed = removable.filter(path =>
    ignoreErrors(() => {
      makeWritable(directory, () => removeTree(path));
      return true;
    }),
  );
  applyAttributes(directory, before);
  return stale.length - removed.length;
}

/** Removes a tree of this user, read-only directories included. Does nothing if it is not there. */
export function removeTree(path: string): void {
  const options = { recursive: true, force: true, maxRetries: 3 } as const;
  try {
    rmSync(fsPath(path), options);
  } catch {
    makeRemovable(path);
    rmSync(fsPath(path), options);
  }
}

/** Only root can remove items from a directory without write permission. */
function makeRemovable(directory: string): void {
  const stats = lstatSync(fsPath(directory), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  chmodSync(fsPath(directory), 0o700);
  withShortPath(directory, short => {
    for (const name of readdirSync(fsPath(short), 'buffer')) makeRemovable(`${short}/${decodeName(name)}`);
  });
}
