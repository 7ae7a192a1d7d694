/** The read-only attribute of Windows across save and restore. Elsewhere the modes of files take its place. */

import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes, tailOf } from '../support/archives.ts';
import { platforms, usePlatform } from '../support/platform.ts';
import { saveAndRestore } from '../support/save-and-restore.ts';

const sliced = incompressible(9 * 1024 * 1024);
const files: TreeSpec = {
  'tree/a-small': 'x',
  'tree/empty': '',
  'tree/sliced': sliced,
  'tree/sub/second': { hardlink: 'tree/a-small' },
  'tree/open': 'x',
  'tree/open-sliced': sliced,
};
const readOnly = ['a-small', 'empty', 'sliced', join('sub', 'second')];
const writable = ['open', 'open-sliced'];

async function buildReadOnly(): Promise<string> {
  const workspace = await buildTree(scratch(), files);
  for (const name of readOnly) chmodSync(join(workspace, 'tree', name), 0o444);
  return workspace;
}

/** Names of the files below `tree` that are not read-only. */
const writableIn = (workspace: string) =>
  readdirSync(join(workspace, 'tree'), { recursive: true, encoding: 'utf8' })
    .filter(name => {
      const stats = lstatSync(join(workspace, 'tree', name));
      return stats.isFile() && (stats.mode & 0o222) !== 0;
    })
    .sort();

const useAttributesOfWindows = () => usePlatform({ hasModes: platforms.win32.hasModes });

test('read-only files of Windows, small and in slices, are saved and restored as read-only', async () => {
  const from = await buildReadOnly();
  useAttributesOfWindows();
  const { to, object } = await saveAndRestore(from);
  expect(writableIn(to)).toEqual(writable);
  const { manifest } = await openArchive(tailOf(object), object.length, async (start, end) =>
    Uint8Array.from(object.subarray(start, end)),
  );
  const modes = Object.fromEntries(manifest.entries.map(({ name, mode }) => [name, mode]));
  expect(modes).toMatchObject({ './tree/sliced': 0o444, './tree/open': 0o644, './tree/sub/': 0o755 });
});

test(
  'files of Linux without the right to write, small and in slices, are read-only on Windows',
  requires(posix),
  async () => {
    const { object } = await packTree(layoutIn(await buildReadOnly()));
    useAttributesOfWindows();
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    expect(writableIn(to)).toEqual(writable);
  },
);

test('a warm restore on Windows restores the attribute of a file that lost it, and rewrites no other', async () => {
  const from = await buildReadOnly();
  useAttributesOfWindows();
  const { to, object } = await saveAndRestore(from);
  expect((await restoreBytes(object, layoutIn(to), { isWarm: true })).rawBytes).toBe(0);
  chmodSync(join(to, 'tree', 'sliced'), 0o666);
  expect((await restoreBytes(object, layoutIn(to), { isWarm: true })).rawBytes).toBe(sliced.length);
  expect(writableIn(to)).toEqual(writable);
});
