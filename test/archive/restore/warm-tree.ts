/** The tree of the tests of warm restores, which go by type, size, mode and time. */

import type { TreeSpec } from '../../support/tree.ts';

/** In microseconds, as all times here. */
export const time = 1_500_000_000_000_007;

export const spec: TreeSpec = {
  'tree/a': { content: 'aaaa', mtime: time },
  'tree/b': { content: 'bbbb', mtime: time },
  'tree/empty': { content: '', mtime: time },
  'tree/link': { symlink: 'aaaa', mtime: time },
  'tree/sub/c': { content: 'cccc', mtime: time, mode: 0o640 },
  'tree/sub/deep/d': { content: 'dddd', mtime: 1_500_000_000_000_000 },
  'tree/z-1': { content: 'several names', mtime: time },
  'tree/z-2': { hardlink: 'tree/z-1' },
  'tree/z-3': { hardlink: 'tree/z-1' },
};
