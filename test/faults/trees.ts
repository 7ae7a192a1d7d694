/** The trees of the fault suite: what is archived, and what stands where it is restored to. */

import path from 'node:path';
import { incompressible } from '../support/random.ts';
import { buildTree, type TreeDescription, type TreeSpec } from '../support/tree.ts';

const MIB = 1024 * 1024;

/** The step's `path`, below the workspace. */
export const TREE = 'tree';

/**
 * What the caches hold: 26 MB that do not compress, so that a restore needs several ranges and a save several parts; a
 * file over several frames, read-only directories, links, and a file and a directory that stand for each other in the
 * older tree.
 */
export function archivedTree(version = 'new'): TreeSpec {
  return {
    'big.bin': incompressible(10 * MIB, `${version} big`),
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

/** What an earlier job left: other content under many of the same names, and files of its own. */
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

/** As Go's module cache: files 0444 in directories 0555. */
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

export function buildIn(workspace: string, spec: TreeSpec): Promise<string> {
  return buildTree(path.join(workspace, TREE), spec);
}

/**
 * What a workspace looks like after a restore: the cache over what was there. Entries of the cache win, whatever stood
 * in their place goes, everything else stays.
 */
export function overlaid(before: TreeDescription, cache: TreeDescription): TreeDescription {
  const stays = Object.entries(before).filter(([name]) => {
    for (let at = name; at.includes('/'); ) {
      at = at.slice(0, at.lastIndexOf('/'));
      const above = cache[at];
      if (above !== undefined && above.type !== 'directory') return false;
    }
    return true;
  });
  return { ...Object.fromEntries(stays), ...cache };
}
