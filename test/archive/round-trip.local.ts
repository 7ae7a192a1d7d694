import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parentName } from '../../src/archive/format/entry.ts';
import { earlyTimes, linux, posix, requires } from '../support/platform-needs.ts';
import { incompressible } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { openWhole } from '../support/tar/check-tar.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from './support/archives.ts';

const hex = (bytes: Buffer) => `hex:${bytes.toString('hex')}`;
/** Every kind of entry that a save may meet. */
const everyKind: TreeSpec = {
  'tree/file': { content: 'text', mode: 0o644, mtime: 1_600_000_000_123_456 },
  'tree/executable': { content: '#!/bin/sh\n', mode: 0o755 },
  'tree/read-only': { content: 'fixed', mode: 0o444 },
  'tree/secret': { content: 'x', mode: 0o600 },
  'tree/empty-file': { content: '', mode: 0o640, mtime: 1_500_000_000_000_001 },
  'tree/block': incompressible(512),
  'tree/block-and-one': incompressible(513),
  'tree/empty-directory': { directory: true, mode: 0o750, mtime: 1_400_000_000_999_999 },
  'tree/sealed/module/go.mod': { content: 'module x\n', mode: 0o444 },
  'tree/sealed/module': { directory: true, mode: 0o555, mtime: 1_300_000_000_500_000 },
  'tree/sealed': { directory: true, mode: 0o555 },
  'tree/link': { symlink: 'file', mtime: 1_200_000_000_000_007 },
  'tree/dangling': { symlink: '../../nowhere/at all' },
  'tree/to-directory': { symlink: 'sealed' },
  'tree/second-name': { hardlink: 'tree/file' },
  'tree/sealed/module/third-name': { hardlink: 'tree/file' },
  'tree/epoch': { content: 'old', mtime: 0 },
  'tree/far': { content: 'future', mtime: 4_102_444_800_000_000 },
};

const oddNames: TreeSpec = {
  'tree/ leading blank': 'x',
  'tree/trailing blank ': 'x',
  'tree/-rf': 'x',
  'tree/--checkpoint=1': 'x',
  "tree/it's": 'x',
  'tree/"quoted"': 'x',
  'tree/back\\slash': 'x',
  'tree/new\nline': 'x',
  'tree/carriage\rreturn\ttab': 'x',
  'tree/::warning::no': 'x',
  'tree/$(touch x)`y`': 'x',
  'tree/a*b?c[d]': 'x',
  'tree/ünï/çödé': 'x',
  'tree/u\u0308n-normalised': 'x',
  'tree/日本語/ファイル': 'x',
  'tree/\u{1f4a9}': 'x',
  'tree/\ufffd a real replacement character': 'x',
  'tree/\uffff': 'x',
  'tree/a': { directory: true },
  'tree/a.b': 'sorts between a and a/c',
  'tree/a/c': 'x',
  'tree/...': 'x',
  'tree/.hidden/..double': 'x',
  'tree/\u{1f600} \u00e9 link': { symlink: 'ünï/\u{1f600}' },
};

const notUtf8: TreeSpec = {
  [hex(Buffer.from('tree/caf\xe9', 'latin1'))]: 'latin-1',
  [hex(Buffer.from('tree/\xff\xfe/\x80', 'latin1'))]: 'bytes',
  [hex(Buffer.concat([Buffer.from('tree/ü'), Buffer.from([0xed, 0xb2, 0x80])]))]: 'a surrogate in UTF-8',
  [hex(Buffer.concat([Buffer.from('tree/\u{1f4a9}'), Buffer.from([0xf0, 0x9f])]))]: 'cut short',
  'tree/to-such': { symlink: hex(Buffer.from('caf\xe9', 'latin1')) },
  'tree/second': { hardlink: hex(Buffer.from('tree/caf\xe9', 'latin1')) },
};

const longNames: TreeSpec = {
  [`tree/${'n'.repeat(255)}`]: 'x',
  [`tree/${Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(99, 'd')).join('/')}/file`]: 'x',
  [`tree/${'p'.repeat(94)}`]: 'exactly 100 with ./tree/ less one',
  [`tree/${'q'.repeat(93)}`]: 'x',
  [`tree/${'r'.repeat(92)}`]: 'x',
  'tree/long-link': { symlink: `${'t'.repeat(200)}/${'t'.repeat(200)}` },
  [`tree/${'ü'.repeat(60)}`]: 'two bytes a letter',
};

/** Packs `tree` of one directory, restores it into another, and compares all there is. */
async function roundTrip(spec: TreeSpec, options: { tailBytes?: number } = {}): Promise<Buffer> {
  const [from, to] = [scratch(), scratch()];
  await buildTree(from, spec);
  const before = await describeTree(from);
  const { object } = await packTree(layoutIn(from));
  expect(await describeTree(from), 'a save changes nothing').toEqual(before);
  const summary = await restoreBytes(object, layoutIn(to), options);
  expect(await describeTree(to)).toEqual(before);
  expect(summary.entries).toBe(Object.keys(before).length);
  return object;
}

/** All but directories: those above the roots are made by the restore. */
function leavesOf(tree: TreeDescription): TreeDescription {
  return Object.fromEntries(Object.entries(tree).filter(([, { type }]) => type !== 'directory'));
}

describe('round trip', () => {
  test.each([
    ['every kind of entry', everyKind],
    ['odd names', oddNames],
    ['long names', longNames],
  ])('a tree of %s is restored as it was saved', async (_, spec) => {
    await roundTrip(spec);
  });

  test.each([
    ['022', 0o022],
    ['077', 0o077],
  ])('a restore under umask %s sets the archived modes', requires(posix), async (_, mask) => {
    const own = process.umask(mask);
    try {
      await roundTrip({
        'tree/file': { content: 'x', mode: 0o666 },
        'tree/empty': { content: '', mode: 0o777 },
        'tree/large': { content: Buffer.alloc(9_000_000, 'large'), mode: 0o662 },
        'tree/directory/file': { content: 'x', mode: 0o606 },
        'tree/directory': { directory: true, mode: 0o777 },
      });
      expect(process.umask(), 'and it is given back').toBe(mask);
    } finally {
      process.umask(own);
    }
  });

  test('names that are not UTF-8 are restored', requires(linux), async () => {
    await roundTrip(notUtf8);
  });

  test('roots with names that are not UTF-8 are restored', requires(linux), async () => {
    const work = scratch();
    const raw = Buffer.concat([Buffer.from(`${work}/`), Buffer.from([0xff])]);
    const inRaw = (name: string) => Buffer.concat([raw, Buffer.from(name)]);
    mkdirSync(inRaw('/tree/directory'), { recursive: true });
    writeFileSync(inRaw('/tree/file'), 'x');
    for (const pattern of ['*', '*/tree']) {
      const layout = layoutIn(work, [pattern]);
      const { object } = await packTree(layout);
      rmSync(inRaw('/tree'), { recursive: true });
      await restoreBytes(object, layout);
      expect(readFileSync(inRaw('/tree/file'), 'utf8')).toBe('x');
      // Now over what is there, a directory in a file's place
      rmSync(inRaw('/tree/file'));
      mkdirSync(inRaw('/tree/file'));
      await restoreBytes(object, layout);
      expect(readFileSync(inRaw('/tree/file'), 'utf8')).toBe('x');
    }
  });

  test('an archive is restored if tail, manifest and data need separate reads', async () => {
    for (const tailBytes of [9, 17, 18, 100, 1000])
      await roundTrip({ ...everyKind, 'tree/some': incompressible(5000) }, { tailBytes });
  });

  test('roots in the workspace, in the home directory and elsewhere are restored', async () => {
    const [from, to] = [scratch(), scratch()];
    const elsewhere = scratch();
    const patterns = ['deep/down/tree', '~/.cache/x', `${elsewhere}/store`, 'single-file', '*.glob'];
    const spec: TreeSpec = {
      'work/deep/down/tree/file': 'x',
      'work/deep/not-this': 'x',
      'work/single-file': { content: 'y', mode: 0o600 },
      'work/1.glob': '1',
      'work/2.glob/inside': '2',
      'home/.cache/x/y': 'z',
    };
    await buildTree(from, spec);
    await buildTree(elsewhere, { 'store/item': 'i' });
    const { object } = await packTree(layoutIn(join(from, 'work'), patterns, join(from, 'home')));
    const stored = await describeTree(elsewhere);
    const target = layoutIn(join(to, 'work'), patterns, join(to, 'home'));
    mkdirSync(join(to, 'work'));
    rmSync(join(elsewhere, 'store'), { recursive: true });
    await restoreBytes(object, target);
    const [restored, { 'work/deep/not-this': _, ...saved }] = [
      await describeTree(to),
      await describeTree(from),
    ];
    expect(Object.keys(restored)).toEqual(Object.keys(saved));
    expect(leavesOf(restored)).toEqual(leavesOf(saved));
    expect(await describeTree(elsewhere)).toEqual(stored);
  });

  test.each([
    [['~', './a'], ['~/']],
    [['./a', '~', '.'], ['~/']],
    [
      ['./a', '~', '!~/work/r', '.'],
      ['./', '~/'],
    ],
    [['./a', '~/work/r/r/a', '~/work/r/r/a/b/*'], ['./a/']],
    [
      ['~', '!~/work', './a', '~/work/r/r/a/b'],
      ['./a/', '~/'],
    ],
    [['~', '!a', 'a/b'], ['~/', './a/b/'].sort()],
  ])(
    'the patterns %j in a workspace inside the home directory save each path once',
    async (patterns, roots) => {
      const [from, to] = [scratch(), scratch()];
      const spec: TreeSpec = { 'work/r/r/a/b/x': 'x', 'work/r/r/a/y': 'y', '.npm/k': 'k' };
      await buildTree(from, spec);
      const layoutAt = (home: string) => layoutIn(join(home, 'work/r/r'), patterns, home);
      const { object, skipped } = await packTree(await layoutAt(from));
      expect(skipped).toEqual([]);
      const archive = await openWhole(object);
      const names = archive.manifest.entries.map(({ name }) => name);
      const directories = new Set(names);
      expect(names.filter(name => !directories.has(parentName(name)))).toEqual(roots);
      const files = names
        .filter(name => !name.endsWith('/'))
        .map(name => name.slice(name.lastIndexOf('/') + 1));
      expect(files.toSorted()).toEqual([...new Set(files)].toSorted());
      await restoreBytes(object, await layoutAt(to));
      const isThere = Object.keys(await describeTree(to)).filter(name => /\/[xyk]$/.test(name));
      expect(isThere.map(name => name.at(-1)).toSorted()).toEqual(files.toSorted());
    },
  );

  test('excluded paths are not restored, and paths that a later line names are', async () => {
    const [from, to] = [scratch(), scratch()];
    await buildTree(from, {
      'tree/keep': 'k',
      'tree/skip/no': 'n',
      'tree/skip/again/yes': 'y',
      'tree/zz': 'z',
    });
    const patterns = ['tree', '!tree/skip', 'tree/skip/again'];
    const { object } = await packTree(layoutIn(from, patterns));
    await restoreBytes(object, layoutIn(to, patterns));
    expect(Object.keys(await describeTree(to))).toEqual([
      'tree',
      'tree/keep',
      'tree/skip',
      'tree/skip/again',
      'tree/skip/again/yes',
      'tree/zz',
    ]);
  });

  test.each([
    [['**/modules/'], ['a/modules/x', 'b/modules', 'c/d/modules/y']],
    [
      ['*', '!*/*/'],
      ['a/file', 'c/file'],
    ],
    [
      ['*', '!**/modules/'],
      ['a/file', 'c/d/file', 'c/file'],
    ],
  ])('the patterns %j treat links to directories as directories', async (patterns, expected) => {
    const from = await buildTree(scratch(), {
      'a/modules/x': 'x',
      'a/file': 'f',
      'b/modules': { symlink: '../a/modules' },
      'c/d/modules/y': 'y',
      'c/d/file': 'f',
      'c/file': 'f',
    });
    const { object } = await packTree(layoutIn(from, patterns));
    // Elsewhere, what a pattern calls a directory is a file, and the reverse
    const to = await buildTree(scratch(), {
      'b/modules/z': 'z',
      'c/file/z': 'z',
      'c/d/modules': 'a file',
    });
    for (const place of [from, to, scratch()]) await restoreBytes(object, layoutIn(place, patterns));
    const restored = scratch();
    await restoreBytes(object, layoutIn(restored, patterns));
    expect(Object.keys(leavesOf(await describeTree(restored)))).toEqual(expected);
  });

  test('a save of no paths writes nothing', async () => {
    const { object } = await packTree(layoutIn(scratch(), ['not-there']));
    expect(object.length).toBe(0);
  });
});

describe('times', () => {
  test('times are restored to the microsecond', async () => {
    const spec: Record<string, TreeSpec[string]> = {};
    for (let index = 0; index < 100; index++) {
      spec[`tree/${index}`] = { content: '', mtime: 1_700_000_000_000_000 + index * 1_237_003 + index };
    }
    await roundTrip(spec);
  });

  test('times before 1970 become 1970 with a notice', requires(earlyTimes), async () => {
    const [from, to] = [scratch(), scratch()];
    await buildTree(from, { 'tree/ancient': 'x', 'tree/ancient-and-empty': '' });
    const long = new Date('1960-01-01');
    utimesSync(join(from, 'tree/ancient'), long, long);
    utimesSync(join(from, 'tree/ancient-and-empty'), long, long);
    const { object, outOfRange } = await packTree(layoutIn(from));
    expect(outOfRange).toEqual(
      ['ancient', 'ancient-and-empty'].map(name => `${join(from, `tree/${name}`)}: 1970`),
    );
    await restoreBytes(object, layoutIn(to));
    const tree = await describeTree(to);
    expect([tree['tree/ancient']?.mtime, tree['tree/ancient-and-empty']?.mtime]).toEqual([0, 0]);
  });
});

test('two saves of the same tree make the same object', async () => {
  const from = scratch();
  await buildTree(from, everyKind);
  const [first, again] = [await packTree(layoutIn(from)), await packTree(layoutIn(from))];
  expect(first.object.equals(again.object)).toBe(true);
});
