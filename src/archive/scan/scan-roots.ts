import { join } from 'node:path';
import { parentName } from '../format/entry.ts';
import { createCaseProbe, pathKeys } from '../fs/case-folding.ts';
import type { PathLayout } from '../fs/layout.ts';
import { type RootAbove, RootPaths } from '../fs/nesting.ts';
import { thisPlatform } from '../fs/platform.ts';
import { byName, readNode, type TreeNode } from './tree-node.ts';

/**
 * The roots that no walk of another one comes to, in order: each begins a walk of its own. A directory has the name
 * that its outermost root gives it. `skip` is told of those that a restore would not come to.
 */
export function rootsToWalk(
  layout: PathLayout,
  paths: readonly string[],
  skip: (path: string, why: string) => void,
  exact: boolean,
): readonly TreeNode[] {
  const roots = new Roots(layout);
  for (const path of paths) {
    const root = readNode(path, layout.toStored(path), layout.followsLink(path), exact);
    if (root) roots.add(root);
  }
  return roots.toWalk(skip);
}

class Roots {
  readonly #layout: PathLayout;
  readonly #byPath = new RootPaths<TreeNode>(pathKeys(thisPlatform, createCaseProbe()));
  readonly #all: TreeNode[] = [];

  constructor(layout: PathLayout) {
    this.#layout = layout;
  }

  add(root: TreeNode): void {
    if (!this.#byPath.add(root.path, root)) this.#all.push(root);
  }

  toWalk(skip: (path: string, why: string) => void): readonly TreeNode[] {
    return this.#all.sort(byName).filter(root => {
      const above = this.#byPath.above(root.path);
      if (above && this.#isLedTo(above)) return false;
      const why = this.#whyOutOfReach(root, above?.root);
      if (why !== undefined) skip(root.path, why);
      return why === undefined;
    });
  }

  /** Whether the walk of the root above comes to this one: it goes into no link and no excluded directory. */
  #isLedTo({ root, components }: RootAbove<TreeNode>): boolean {
    if (!root.isDirectory) return false;
    if (!this.#layout.hasExclusions) return true;
    let at = root.path;
    return !components.slice(0, -1).some(component => {
      at = join(at, component);
      return this.#layout.excludes(at);
    });
  }

  /** Why a restore would not come to this root; undefined: it would. */
  #whyOutOfReach(root: TreeNode, nearest: TreeNode | undefined): string | undefined {
    for (let above = nearest; above; above = this.#byPath.above(above.path)?.root) {
      // A restore goes through no link of its own archive
      if (above.stats.isSymbolicLink()) return 'it is reached through a link that is saved as a link';
    }
    // The step names the directory that it stands in, and has not found it: a search turns round at such a link
    if (this.#layout.permits(parentName(root.name)))
      return 'it is reached through a link to a directory above it';
    return undefined;
  }
}
