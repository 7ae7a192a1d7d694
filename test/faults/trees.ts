/** The trees of the fault suite: the archived one, and an older one in its place. */

import path from 'node:path';
import { incompressible } from '../support/random.ts';
import { MiB } from '../support/sizes.ts';
import { buildTree, type TreeDescription, type TreeSpec } from '../support/tree.ts';

/** The step's `path`, below the workspace. */
export const TREE = 'tree';

/**
 * Returns the tree of the caches: 26 MB that do not compress, so that a restore needs several ranges and a save several
 * parts; a file over several frames, read-only directories, links, and a file and a directory whose types are exchanged in
 * the older tree.
 */
export function archivedTree(version = 'new'): TreeSpec {
  return {
    'big.bin': incompressible(10 * MiB, `${version} big`),
    ...numbered(24, index => [`data/${index}.bin`, incompressible(640 * 1024, `${version} ${index}`)]),
    ...readOnly(version),
    'empty.txt': '',
    'empty-directory': { directory: true },
    link: { symlink: 'data/0.bin' },
    'twin.bin': { hardlink: 'data/1.bin' },
    'was-directory': 'a file now',
    'was-file/inside.txt': 'a directory now',
  };
}

/** Returns the tree of an earlier job: other content under many of the same names, and files of its own. */
export function olderTree(): TreeSpec {
  return {
    'big.bin': incompressible(300_000, 'old big'),
    ...numbered(12, index => [`data/${index}.bin`, incompressible(20_000, `old ${index}`)]),
    ...readOnly('old'),
    link: { symlink: 'big.bin' },
    'was-directory/inside.txt': 'a directory before',
    'was-file': 'a file before',
    'mine/own.txt': 'not of the cache',
  };
}

/** Returns files 0444 in directories 0555, as in Go's module cache. */
function readOnly(version: string): TreeSpec {
  return {
    ...numbered(60, index => [
      `module/v${index % 3}/f${index}.go`,
      { content: `${version} ${index}\n`.repeat(40 + index), mode: 0o444 },
    ]),
    ...numbered(3, index => [`module/v${index}`, { directory: true, mode: 0o555 }]),
    module: { directory: true, mode: 0o555 },
  };
}

function numbered(count: number, item: (index: number) => [string, TreeSpec[string]]): TreeSpec {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => item(index)));
}

export function buildTreeIn(workspace: string, spec: TreeSpec): Promise<string> {
  return buildTree(path.join(workspace, TREE), spec);
}

/** Returns the workspace after a restore: entries of the cache replace entries in their place, and the others stay. */
export function overlay(before: TreeDescription, cache: TreeDescription): TreeDescription {
  const kept = Object.entries(before).filter(([name]) => {
    for (let at = name; at.includes('/'); ) {
      at = at.slice(0, at.lastIndexOf('/'));
      const above = cache[at];
      if (above !== undefined && above.type !== 'directory') return false;
    }
    return true;
  });
  return { ...Object.fromEntries(kept), ...cache };
}
