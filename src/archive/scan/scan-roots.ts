import { join } from 'node:path';
import { EntryType, parentName } from '../format/entry.ts';
import { pathKeys } from '../fs/paths/case-folding.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { compareNames } from '../fs/paths/names.ts';
import { type RootAbove, RootPaths } from '../fs/paths/nesting.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import type { Turns } from '../turns.ts';
import { type ReadOptions, readEntry } from './read-entry.ts';

/**
 * Returns the roots at which a walk begins, in the order of their names: those that the walk of no other root reaches. A directory
 * has the name that its outermost root gives it. Skips roots that a restore would not reach. Throws `SourceTreeError`, and the
 * errors of `turns`.
 */
export async function rootsToWalk(
  layout: PathLayout,
  paths: readonly string[],
  read: ReadOptions,
  turns: Turns,
): Promise<readonly ScannedEntry[]> {
  const byPath = new RootPaths<ScannedEntry>(pathKeys(thisPlatform, thisPlatform.createCaseProbe()));
  const roots: ScannedEntry[] = [];
  for (const path of paths) {
    if (turns.isDue()) await turns.take();
    const root = readEntry(path, layout.toStored(path), { ...read, follow: layout.followsLink(path) });
    if (root && !byPath.add(root.path, root)) roots.push(root);
  }
  return roots
    .sort((a, b) => compareNames(a.name, b.name))
    .filter(root => {
      const above = byPath.nearestAbove(root.path);
      if (above && isReached(layout, above)) return false;
      const why = skipReason(layout, byPath, root);
      if (why !== undefined) read.skip(root.path, why);
      return why === undefined;
    });
}

/** Returns whether the walk of the root above reaches this one: it enters no link and no excluded directory. */
function isReached(layout: PathLayout, { root, components }: RootAbove<ScannedEntry>): boolean {
  if (root.type !== EntryType.directory) return false;
  if (!layout.hasExclusions) return true;
  let at = root.path;
  return !components.slice(0, -1).some(component => {
    at = join(at, component);
    return layout.excludes(at);
  });
}

/** Returns why a restore would not reach this root. Returns undefined if it would. */
function skipReason(
  layout: PathLayout,
  byPath: RootPaths<ScannedEntry>,
  root: ScannedEntry,
): string | undefined {
  const rootAbove = ({ path }: ScannedEntry) => byPath.nearestAbove(path)?.root;
  for (let above = rootAbove(root); above; above = rootAbove(above)) {
    // A restore enters no link of the archive
    if (above.type === EntryType.symlink) return 'behind a link that is saved as a link';
  }
  // `path` names the parent, but a search does not enter a link to a directory above it
  if (layout.permits(parentName(root.name))) return 'behind a link to a directory above it';
  return undefined;
}
