import { join } from 'node:path';
import { parentName } from '../format/entry.ts';
import { pathKeys } from '../fs/paths/case-folding.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { type RootAbove, RootPaths } from '../fs/paths/nesting.ts';
import { thisPlatform } from '../fs/platform.ts';
import { Turns } from '../turns.ts';
import { byName, readNode, type TreeNode } from './tree-node.ts';

/**
 * Returns the roots that the walk of another one does not reach, in order: each begins a walk. A directory has the name
 * that its outermost root gives it. Calls `skip` for roots that a restore would not reach. Yields when it is time for a turn of
 * the event loop.
 */
export function* rootsToWalk(
  layout: PathLayout,
  paths: readonly string[],
  skip: (path: string, why: string) => void,
  exact: boolean,
): Generator<undefined, readonly TreeNode[]> {
  const byPath = new RootPaths<TreeNode>(pathKeys(thisPlatform, thisPlatform.createCaseProbe()));
  const roots: TreeNode[] = [];
  const turns = new Turns();
  for (const path of paths) {
    if (turns.isDue()) {
      yield;
      turns.restart();
    }
    const options = { follow: layout.followsLink(path), exact, skip };
    const root = readNode(path, layout.toStored(path), options);
    if (root && !byPath.add(root.path, root)) roots.push(root);
  }
  return roots.sort(byName).filter(root => {
    const above = byPath.nearestAbove(root.path);
    if (above && isReached(layout, above)) return false;
    const why = skipReason(layout, byPath, root);
    if (why !== undefined) skip(root.path, why);
    return why === undefined;
  });
}

/** Returns whether the walk of the root above reaches this one: it enters no link and no excluded directory. */
function isReached(layout: PathLayout, { root, components }: RootAbove<TreeNode>): boolean {
  if (!root.isDirectory) return false;
  if (!layout.hasExclusions) return true;
  let at = root.path;
  return !components.slice(0, -1).some(component => {
    at = join(at, component);
    return layout.excludes(at);
  });
}

/** Returns why a restore would not reach this root, or undefined. */
function skipReason(layout: PathLayout, byPath: RootPaths<TreeNode>, root: TreeNode): string | undefined {
  const rootAbove = ({ path }: TreeNode) => byPath.nearestAbove(path)?.root;
  for (let above = rootAbove(root); above; above = rootAbove(above)) {
    // A restore enters no link of its own archive
    if (above.stats.isSymbolicLink()) return 'behind a link that is saved as a link';
  }
  // `path` names the parent, but a search does not enter such a link
  if (layout.permits(parentName(root.name))) return 'behind a link to a directory above it';
  return undefined;
}
