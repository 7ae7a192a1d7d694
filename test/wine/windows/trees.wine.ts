import * as fs from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readOnlyTimes, requires } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { MiB } from '../../support/sizes.ts';
import type { TreeSpec } from '../../support/tree.ts';
import { expectResult, expectRoundTrip, Job } from '../job.ts';
import { describeStores } from '../stores.ts';

describeStores(store => {
  test('a tree of nested and empty directories is restored as it was saved', async () => {
    await expectRoundTrip(await store.open(), {
      'tree/a/b/c/d/e/f': 'deep',
      'tree/empty.txt': '',
      'tree/empty/empty': { directory: true },
      'tree/old': { content: 'x', mtime: 981_173_106_123_456 },
      'tree/dir': { directory: true, mtime: 981_173_106_123_456 },
    });
  });

  test('names in Unicode, with spaces and characters of shells are restored', async () => {
    const names = [
      'ümläut',
      'u\u0308',
      '日本語',
      '🦀 crab',
      "a b'c",
      '$HOME %PATH%',
      '(x) & [y] ^;,=+~#@!',
      '-rf',
    ];
    await expectRoundTrip(
      await store.open(),
      Object.fromEntries(names.map(name => [`tree/${name}/${name}.txt`, name])),
    );
  });

  test('a path of 450 characters and a name of 255 are restored', async () => {
    await expectRoundTrip(await store.open(), {
      [`tree/${'d'.repeat(100)}/${'e'.repeat(100)}/${'f'.repeat(100)}/${'g'.repeat(100)}/file`]: 'long',
      [`tree/${'n'.repeat(251)}.txt`]: 'name',
    });
  });

  test('names that DOS reserved are restored where they were saved', async () => {
    await expectRoundTrip(await store.open(), {
      'tree/aux.js': 'aux',
      'tree/con.py': 'con',
      'tree/nul/com1.txt': 'com1',
      'tree/com0': 'com0',
      'tree/dot.': 'dot',
    });
  });

  test('hard links of a file are restored as hard links', async () => {
    await expectRoundTrip(await store.open(), {
      'tree/a': incompressible(100_000, 'a'),
      'tree/b/c': { hardlink: 'tree/a' },
    });
  });

  test('1,000 files and a file of 40 MB are restored', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => [`tree/many/${index % 50}/${index}`, `${index}`]);
    await expectRoundTrip(await store.open(), {
      ...Object.fromEntries(many),
      'tree/large': incompressible(40 * MiB, 'large'),
    });
  });

  test('the read-only attribute of files is restored', requires(readOnlyTimes), async () => {
    await expectRoundTrip(await store.open(), {
      'tree/module/f.go': { content: 'package f', mode: 0o444 },
      'tree/module/large': { content: incompressible(12 * MiB, 'ro'), mode: 0o444 },
    });
  });

  test('a warm restore of an unchanged tree writes no file', async () => {
    const inputs = await store.open();
    const files = Array.from({ length: 200 }, (_, index): [string, TreeSpec[string]] => [
      `tree/${index}`,
      { content: `${index}`, mtime: 1_700_000_000_000_000 + index * 1_234_567 },
    ]);
    const { to } = await expectRoundTrip(inputs, Object.fromEntries(files));
    const identities = () => Promise.all(files.map(([name]) => fs.stat(to.at(name)).then(({ ino }) => ino)));
    const before = await identities();
    expectResult(await to.restore({ key: 'k', 'warm-restore': 'true' }), 'hit');
    // A replaced file is another file
    expect(await identities()).toEqual(before);
  });

  test('a file is replaced by a directory, and a directory by a file', async () => {
    const inputs = await store.open();
    const [from, to] = [new Job(inputs), new Job(inputs)];
    await from.build({ 'tree/x/inside': 'directory', 'tree/y': 'file' });
    await to.build({ 'tree/x': 'file', 'tree/y/inside': 'directory' });
    expectResult(await from.save({ key: 'k' }), 'saved');
    expectResult(await to.restore({ key: 'k' }), 'hit');
    expect(Object.keys(await to.tree())).toEqual(['x', 'x/inside', 'y']);
  });
});
