import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { compareNames } from '../../../src/archive/fs/paths/names.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import { PAUSE, type Scan, scan } from '../../../src/archive/scan/scan.ts';
import { slowDownLstat } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn } from '../support/archives.ts';

async function scanned(
  spec: TreeSpec,
  patterns?: string[],
  during: (root: string) => void = () => {},
): Promise<ScannedEntry[]> {
  const root = await buildTree(scratch(), spec);
  const layout = layoutIn(root, patterns);
  const roots = await layout.roots();
  during(root);
  return [...entriesOf(scan(layout, roots, { skipped() {}, timeOutOfRange() {} }))];
}

/** Leaves the pauses out. */
function* entriesOf(found: Scan): Generator<ScannedEntry> {
  for (const entry of found) if (entry !== PAUSE) yield entry;
}

const names = (found: readonly ScannedEntry[]) => found.map(({ name }) => name);

describe('a scan', () => {
  test('a scan yields byte order of the stored names, parents first', async () => {
    const found = names(
      await scanned({
        'tree/a/z': '',
        'tree/a.b': '',
        'tree/a-b/x': '',
        'tree/a0': '',
        'tree/B': '',
        'tree/\u{10000}': '',
        'tree/\uffff': '',
        'tree/é': '',
        'tree/-': '',
      }),
    );
    expect(found).toEqual([...found].sort(compareNames));
    expect(found).toEqual([
      './tree/',
      './tree/-',
      './tree/B',
      './tree/a-b/',
      './tree/a-b/x',
      './tree/a.b',
      './tree/a/',
      './tree/a/z',
      './tree/a0',
      './tree/é',
      './tree/\uffff',
      './tree/\u{10000}',
    ]);
  });

  test('a scan skips staging directories and no similar names', async () => {
    const spec = {
      'tree/.cache-s3-1-0000abcd-0123abcd/x': 'staging',
      'tree/.cache-s3-file': '',
      'tree/.cache-s3-store/v1': 'an object',
      'tree/a': 'a',
    };
    expect(names(await scanned(spec))).toEqual([
      './tree/',
      './tree/.cache-s3-file',
      './tree/.cache-s3-store/',
      './tree/.cache-s3-store/v1',
      './tree/a',
    ]);
  });

  test('a scan yields a path once if several patterns name it', async () => {
    const spec = { 'tree/a/b': '', 'tree/c': '' };
    for (const patterns of [
      ['tree', 'tree/a'],
      ['tree/a', 'tree'],
      ['tree/a/b', 'tree', 'tree/**'],
      ['*', 'tree'],
    ]) {
      expect(names(await scanned(spec, patterns))).toEqual([
        './tree/',
        './tree/a/',
        './tree/a/b',
        './tree/c',
      ]);
    }
  });

  test('a scan skips excluded directories and includes what a later pattern names below them', async () => {
    const spec = { 'tree/a/skip/x': '', 'tree/a/skip/keep/y': '', 'tree/b': '', 'tree/skip': '' };
    expect(names(await scanned(spec, ['tree', '!tree/**/skip']))).toEqual([
      './tree/',
      './tree/a/',
      './tree/b',
    ]);
    expect(names(await scanned(spec, ['tree', '!tree/a/skip', 'tree/a/skip/keep']))).toEqual([
      './tree/',
      './tree/a/',
      './tree/a/skip/keep/',
      './tree/a/skip/keep/y',
      './tree/b',
      './tree/skip',
    ]);
  });

  test('a scan yields a file with several names once and links the other names to the first', async () => {
    const found = await scanned({
      'tree/z': 'x',
      'tree/a/b': { hardlink: 'tree/z' },
      'tree/m': { hardlink: 'tree/z' },
    });
    expect(found.map(({ name, linkName }) => [name, linkName])).toEqual([
      ['./tree/', ''],
      ['./tree/a/', ''],
      ['./tree/a/b', ''],
      ['./tree/m', './tree/a/b'],
      ['./tree/z', './tree/a/b'],
    ]);
  });

  test('a scan skips a name that an archive cannot hold', async () => {
    const root = await buildTree(scratch(), { 'tree/a': '', 'tree/b/c': '' });
    const layout = layoutIn(root);
    // As below a root with a name of 32,767 bytes
    const deep = `./${`${'d'.repeat(999)}/`.repeat(32)}`;
    const tooLong = { ...layout, toStored: () => deep.padEnd(32_765, 'd') };
    const skipped: string[] = [];
    const notes = {
      skipped: (path: string, why: string) => void skipped.push(`${path}: ${why}`),
      timeOutOfRange() {},
    };
    const found = [...entriesOf(scan(tooLong, await layout.roots(), notes))];
    expect(found.map(({ name }) => name.slice(-2))).toEqual(['d/', '/a']);
    expect(skipped.map(slashed)).toEqual([slashed(`${root}/tree/b: longer than an archive can hold`)]);
  });

  test('a scan of a root that has vanished is empty', async () => {
    expect(
      await scanned({ 'tree/a': '' }, ['tree'], root => rmSync(join(root, 'tree'), { recursive: true })),
    ).toEqual([]);
  });

  test('a scan does not follow links below its roots', async () => {
    const found = await scanned({
      'tree/link': { symlink: '../outside' },
      'outside/secret': 's',
      'tree/self': { symlink: '.' },
    });
    expect(names(found)).toEqual(['./tree/', './tree/link', './tree/self']);
  });
});

describe('a tree that changes under the scan', () => {
  /** Scans `spec`, and does `change` when `name` has been found. */
  async function scannedWhile(spec: TreeSpec, name: string, change: (root: string) => void) {
    const root = await buildTree(scratch(), spec);
    const layout = layoutIn(root);
    const skipped: string[] = [];
    const notes = {
      skipped: (path: string, why: string) => void skipped.push(`${path}: ${why}`),
      timeOutOfRange() {},
    };
    const found: ScannedEntry[] = [];
    for (const next of entriesOf(scan(layout, await layout.roots(), notes))) {
      found.push(next);
      if (next.name === name) change(root);
    }
    return { found: names(found), skipped, root };
  }

  const links = { 'tree/a': { symlink: 'x' }, 'tree/b': { symlink: 'x' }, 'tree/c': '' };

  test.each<[string, (root: string) => void]>([
    ['is removed', root => rmSync(join(root, 'tree/b'))],
    [
      'becomes a file',
      root => {
        rmSync(join(root, 'tree/b'));
        writeFileSync(join(root, 'tree/b'), 'x');
      },
    ],
  ])('a symlink that %s is skipped with a notice', async (_, change) => {
    const { found, skipped, root } = await scannedWhile(links, './tree/a', change);
    expect(found).toEqual(['./tree/', './tree/a', './tree/c']);
    expect(skipped.map(slashed)).toEqual([slashed(`${root}/tree/b: vanished during the save`)]);
  });

  test('a directory that becomes a file during the scan has no children', async () => {
    const { found } = await scannedWhile({ 'tree/a/b': '', 'tree/c': '' }, './tree/a/', root => {
      rmSync(join(root, 'tree/a'), { recursive: true });
      writeFileSync(join(root, 'tree/a'), 'x');
    });
    expect(found).toEqual(['./tree/', './tree/a/', './tree/c']);
  });

  test('files of a directory that becomes a file after it was listed do not fail the scan', async () => {
    const spec = { 'tree/a/b': '', 'tree/a/c': '', 'tree/a/d': 'd', 'tree/a/e': { hardlink: 'tree/a/d' } };
    const { found } = await scannedWhile(spec, './tree/a/b', root => {
      rmSync(join(root, 'tree/a'), { recursive: true });
      writeFileSync(join(root, 'tree/a'), 'x');
    });
    expect(found).toEqual(['./tree/', './tree/a/', ...['b', 'c', 'd', 'e'].map(name => `./tree/a/${name}`)]);
  });

  test('an error of the second read of a status names the path', async () => {
    const attempt = scannedWhile({ 'tree/a/b': '', 'tree/a/c': '' }, './tree/a/b', root => {
      rmSync(join(root, 'tree/a'), { recursive: true });
      symlinkSync('a', join(root, 'tree/a'));
    });
    await expect(attempt).rejects.toThrow(SourceTreeError);
    await expect(attempt).rejects.toThrow('/tree/a/c cannot be read (ELOOP)');
  });
});

test('a scan of a slow file system pauses before it has read all of a directory', async () => {
  const count = 100;
  const spec = Object.fromEntries(Array.from({ length: count }, (_, index) => [`tree/${index}`, '']));
  const layout = layoutIn(await buildTree(scratch(), spec), ['tree']);
  const roots = await layout.roots();
  slowDownLstat();
  const found = [...scan(layout, roots, { skipped() {}, timeOutOfRange() {} })];
  expect([...entriesOf(scan(layout, roots, { skipped() {}, timeOutOfRange() {} }))]).toHaveLength(1 + count);
  // The entry of the directory itself comes first
  expect(found[1]).toBe(PAUSE);
});
