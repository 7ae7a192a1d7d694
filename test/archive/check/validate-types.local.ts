import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratch } from '../../support/scratch.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, restoreBytes } from '../support/archives.ts';
import { type ForgedEntry, forge, writeForgery } from '../support/craft.ts';
import { bent, data, refuses, tree } from '../support/refuses.ts';

const PARENT_IS_NO_ENTRY = 'has a parent that `path` includes and the archive does not';

describe('links', () => {
  test.each<[string, ForgedEntry]>([
    ['symlink', { name: './l', target: '/tmp' }],
    ['file', { name: './l', data }],
  ])('a root below a %s is refused although `path` excludes the parent', async (_, above) => {
    const object = bent([above, { name: './l-other', data }, { name: './l/skip/x', data }]);
    await refuses(object, './l/skip/x is below a file or link of the same archive', {
      patterns: ['l', 'l-other', '!l/skip', 'l/skip/x'],
    });
  });

  test('a file below a symlink of the same archive is refused', async () => {
    const link = { name: 'l', target: '/tmp' };
    await refuses(
      bent(tree(link, { name: 'x', depth: 2, data })),
      'an entry of its manifest has no parent directory',
    );
    const below: ForgedEntry = { name: './tree/l/x', data };
    await refuses(bent([...tree(link), below]), PARENT_IS_NO_ENTRY);
  });

  test('a file below a root that is a symlink is refused', async () => {
    const object = bent([
      { name: './tree', target: '/tmp' },
      { name: './tree/x', data },
    ]);
    await refuses(object, PARENT_IS_NO_ENTRY);
  });

  test('a symlink and a directory of one name are refused', async () => {
    const object = bent(tree({ name: 'l', target: '/tmp' }, { name: 'l/' }, { name: 'x', depth: 2, data }));
    await refuses(object, 'is also an entry of another type');
  });

  test.each([
    ['itself', 0],
    ['a later entry', -1],
    ['nothing', 99],
    ['a directory', 2],
  ])('a hard link to %s is refused', async (_, linkDistance) => {
    const forgery = forge(
      tree({ name: 'a', data }, { name: 'h', linkDistance: 1 }, { name: 'z', data: 'z' }),
    );
    if (linkDistance >= 0) forgery.columns.linkDistances = [linkDistance];
    else forgery.columns.linkDistances = [Number.MAX_SAFE_INTEGER];
    await refuses(
      writeForgery(forgery),
      /hard link(, but not to a file or symlink of this archive| to a later entry)/,
    );
  });

  test('a hard link to a hard link is refused', async () => {
    const object = bent(
      tree({ name: 'a', data }, { name: 'h', linkDistance: 1 }, { name: 'i', linkDistance: 1 }),
    );
    await refuses(object, 'is a hard link, but not to a file or symlink of this archive');
  });

  test('a file below a hard link to a symlink is refused', async () => {
    const links = tree({ name: 'a', target: '/tmp' }, { name: 'h', linkDistance: 1 });
    const below: ForgedEntry = { name: './tree/h/x', data };
    await refuses(bent([...links, below]), PARENT_IS_NO_ENTRY);
  });

  test('a symlink with an empty target is refused', async () => {
    await refuses(bent(tree({ name: 'l', target: '' }, { name: 'z', data })), 'has an empty link target');
  });

  test('a symlink with data is refused', async () => {
    const object = bent(tree({ name: 'l', target: 'x', data }));
    await refuses(object, 'has data, but is not a file');
  });

  test('a symlink on the disk below a root is replaced, not followed', async () => {
    const root = await buildTree(scratch(), {
      outside: { directory: true },
      'work/tree/l': { symlink: '../../outside' },
    });
    const object = bent(tree({ name: 'l/' }, { name: 'x', depth: 2, data }));
    await restoreBytes(object, layoutIn(join(root, 'work')));
    expect(Object.keys(await describeTree(root))).toEqual([
      'outside',
      'work',
      'work/tree',
      'work/tree/l',
      'work/tree/l/x',
    ]);
  });
});

describe('types', () => {
  test.each([4, 5, 6, 7, 127])('the entry type %i is refused', async type => {
    await refuses(bent(tree({ name: 'n', type }, { name: 'z', data })), 'is of an unknown type');
  });

  test('impossible modes, owners and times are refused', async () => {
    const entries = tree({ name: 'a', data });
    await refuses(
      bent(entries, ({ columns }) => columns.modes.splice(1, 1, 0o10000)),
      'has an impossible mode',
    );
    await refuses(
      bent(entries, ({ columns }) => columns.uids.splice(1, 1, -2)),
      'has an impossible owner',
    );
    await refuses(
      bent(entries, ({ columns }) => columns.gids.splice(1, 1, 2 ** 32)),
      'has an impossible owner',
    );
    await refuses(
      bent(entries, ({ columns }) => columns.mtimes.splice(1, 1, -1)),
      'has an impossible time',
    );
  });
});
