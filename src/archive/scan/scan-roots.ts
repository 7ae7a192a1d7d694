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
  const roots = new Roots(layout);
  const turns = new Turns();
  for (const path of paths) {
    if (turns.isDue()) {
      yield;
      turns.restart();
    }
    const options = { follow: layout.followsLink(path), exact, skip };
    const root = readNode(path, layout.toStored(path), options);
    if (root) roots.add(root);
  }
  return roots.toWalk(skip);
}

class Roots {
  readonly #layout: PathLayout;
  readonly #byPath = new RootPaths<TreeNode>(pathKeys(thisPlatform, thisPlatform.createCaseProbe()));
  readonly #all: TreeNode[] = [];

  constructor(layout: PathLayout) {
    this.#layout = layout;
  }

  add(root: TreeNode): void {
    if (!this.#byPath.add(root.path, root)) this.#all.push(root);
  }

  toWalk(skip: (path: string, why: string) => void): readonly TreeNode[] {
    return this.#all.sort(byName).filter(root => {
      const above = this.#byPath.nearestAbove(root.path);
      if (above && this.#isReached(above)) return false;
      const why = this.#skipReason(root, above?.root);
      if (why !== undefined) skip(root.path, why);
      return why === undefined;
    });
  }

  /** Returns whether the walk of the root above reaches this one: it enters no link and no excluded directory. */
  #isReached({ root, components }: RootAbove<TreeNode>): boolean {
    if (!root.isDirectory) return false;
    if (!this.#layout.hasExclusions) return true;
    let at = root.path;
    return !components.slice(0, -1).some(component => {
      at = join(at, component);
      return this.#layout.excludes(at);
    });
  }

  /** Returns why a restore would not reach this root, or undefined. */
  #skipReason(root: TreeNode, nearest: TreeNode | undefined): string | undefined {
    for (let above = nearest; above; above = this.#byPath.nearestAbove(above.path)?.root) {
      // A restore enters no link of its own archive
      if (above.stats.isSymbolicLink()) return 'behind a link that is saved as a link';
    }
    // `path` names the parent, but a search does not enter such a link
    if (this.#layout.permits(parentName(root.name))) return 'behind a link to a directory above it';
    return undefined;
  }
}
