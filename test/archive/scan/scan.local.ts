import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { compareNames } from '../../../src/archive/fs/paths/names.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import { Listings } from '../../../src/archive/scan/listings.ts';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { scan } from '../../../src/archive/scan/scan.ts';
import { instead, slowDownLstat } from '../../support/file-system-calls.ts';
import { fifos, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, type TreeSpec } from '../../support/tree.ts';
import { layoutIn } from '../support/archives.ts';
import { RecordedNotices } from '../support/recorded-notices.ts';
import { entriesOf } from './support.ts';

async function scanned(
  spec: TreeSpec,
  patterns?: string[],
  during: (root: string) => void = () => {},
): Promise<ScannedEntry[]> {
  const root = await buildTree(scratch(), spec);
  const layout = layoutIn(root, patterns);
  const roots = await layout.roots();
  during(root);
  return entriesOf(layout, roots);
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

  test('a scan skips staging directories and records of the job, and no similar names', async () => {
    const spec = {
      'tree/.cache-s3-1-0000abcd-0123abcd/x': 'staging',
      'tree/.cache-s3-file': '',
      'tree/.cache-s3-store/v1': 'an object',
      'tree/a': 'a',
      [`tree/cache-s3-half-${'0a'.repeat(32)}`]: '[]',
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

  test('a scan skips a name that an archive cannot contain', async () => {
    const root = await buildTree(scratch(), { 'tree/a': '', 'tree/b/c': '' });
    const layout = layoutIn(root);
    // As below a root with a name of 32,767 bytes
    const deep = `./${`${'d'.repeat(999)}/`.repeat(32)}`;
    const tooLong = { ...layout, toStored: () => deep.padEnd(32_765, 'd') };
    const notices = new RecordedNotices();
    const found = await entriesOf(tooLong, await layout.roots(), { notices });
    expect(found.map(({ name }) => name.slice(-2))).toEqual(['d/', '/a']);
    expect(notices.skippedPaths.map(slashed)).toEqual([
      slashed(`${root}/tree/b: longer than an archive allows`),
    ]);
  });

  test('a scan of a root that has vanished is empty', async () => {
    expect(
      await scanned({ 'tree/a': '' }, ['tree'], root => rmSync(join(root, 'tree'), { recursive: true })),
    ).toEqual([]);
  });

  test(
    'a scan skips an item that is no file, directory or link with the reason',
    requires(fifos),
    async () => {
      const root = await buildTree(scratch(), { 'tree/a': 'a' });
      execFileSync('mkfifo', [join(root, 'tree/fifo')]);
      const notices = new RecordedNotices();
      const layout = layoutIn(root);
      expect(names(await entriesOf(layout, await layout.roots(), { notices }))).toEqual([
        './tree/',
        './tree/a',
      ]);
      expect(notices.skippedPaths).toEqual([`${root}/tree/fifo: neither a file, a directory nor a link`]);
    },
  );

  test(
    'a scan reports a time that an archive cannot contain with the limit that is saved',
    requires(posix),
    async () => {
      const root = await buildTree(scratch(), { 'tree/late/now': '', 'tree/old': '' });
      utimesSync(join(root, 'tree/old'), new Date(-1000), new Date(-1000));
      utimesSync(join(root, 'tree/late'), 4_600_000_000, 4_600_000_000);
      const notices = new RecordedNotices();
      const layout = layoutIn(root);
      await entriesOf(layout, await layout.roots(), { notices });
      expect(notices.outOfRange).toEqual([`${root}/tree/late: 2112`, `${root}/tree/old: 1970`]);
    },
  );

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
  /** Scans `spec`, and does `change` right before the first call of `name` for the path `at`. Of `lstatSync` only exact calls count. */
  async function scannedWhile(
    spec: TreeSpec,
    name: 'lstatSync' | 'readdirSync' | 'readlinkSync',
    at: string,
    change: (root: string) => void,
  ) {
    const root = await buildTree(scratch(), spec);
    const layout = layoutIn(root);
    const roots = await layout.roots();
    const notices = new RecordedNotices();
    let isChanged = false;
    instead(
      name,
      call =>
        ((...options: [string, { bigint?: boolean }?]) => {
          const isSecond = name !== 'lstatSync' || options[1]?.bigint === true;
          if (isSecond && !isChanged && slashed(options[0]) === slashed(`${root}/${at}`)) {
            isChanged = true;
            change(root);
          }
          return (call as (...options: unknown[]) => unknown)(...options);
        }) as never,
    );
    const found = names(await entriesOf(layout, roots, { notices }));
    expect(isChanged).toBe(true);
    return { found, skipped: notices.skippedPaths, root };
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
    const { found, skipped, root } = await scannedWhile(links, 'readlinkSync', 'tree/b', change);
    expect(found).toEqual(['./tree/', './tree/a', './tree/c']);
    expect(skipped.map(slashed)).toEqual([slashed(`${root}/tree/b: vanished during the save`)]);
  });

  const becomeFile = (root: string) => {
    rmSync(join(root, 'tree/a'), { recursive: true });
    writeFileSync(join(root, 'tree/a'), 'x');
  };

  test('a directory that becomes a file during the scan has no children', async () => {
    const spec = { 'tree/a/b': '', 'tree/c': '' };
    const { found } = await scannedWhile(spec, 'readdirSync', 'tree/a', becomeFile);
    expect(found).toEqual(['./tree/', './tree/a/', './tree/c']);
  });

  test.each([
    ['tree/a/b', ['b']],
    ['tree/a/e', ['b', 'c', 'd', 'e']],
  ])(
    'a directory that becomes a file before the second read of %s has the entries whose status was read',
    async (at, expected) => {
      const spec = {
        'tree/a/b': '',
        'tree/a/c': '',
        'tree/a/d': 'd',
        'tree/a/e': { hardlink: 'tree/a/d' },
      };
      // Of both names of a file the inode is read when all names have been read
      const before = at === 'tree/a/e' ? 'tree/a/d' : at;
      const { found } = await scannedWhile(spec, 'lstatSync', before, becomeFile);
      expect(found).toEqual(['./tree/', './tree/a/', ...expected.map(name => `./tree/a/${name}`)]);
    },
  );

  test('an error of the second read of a status names the path', async () => {
    const attempt = scannedWhile({ 'tree/a/b': '', 'tree/a/c': '' }, 'lstatSync', 'tree/a/c', root => {
      rmSync(join(root, 'tree/a'), { recursive: true });
      symlinkSync('a', join(root, 'tree/a'));
    });
    await expect(attempt).rejects.toThrow(SourceTreeError);
    await expect(attempt).rejects.toThrow('/tree/a/c cannot be read (ELOOP)');
  });
});

/** Makes a directory of 100 files whose status takes a millisecond each. */
async function slowDirectory() {
  const spec = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`tree/${index}`, '']));
  const layout = layoutIn(await buildTree(scratch(), spec), ['tree']);
  const roots = await layout.roots();
  slowDownLstat();
  return { layout, roots };
}

test('a scan of a slow file system gives the event loop turns before it has read all of a directory', async () => {
  const { layout, roots } = await slowDirectory();
  let turns = 0;
  let isScanned = false;
  const countTurns = () => {
    turns++;
    if (!isScanned) setImmediate(countTurns);
  };
  setImmediate(countTurns);
  expect(await entriesOf(layout, roots)).toHaveLength(101);
  isScanned = true;
  expect(turns).toBeGreaterThan(5);
});

test('a scan ends with the reason of a signal, also within a directory', async () => {
  const { layout, roots } = await slowDirectory();
  const reason = new Error('the step was cancelled');
  const controller = new AbortController();
  const entries = entriesOf(layout, roots, { signal: controller.signal });
  setImmediate(() => controller.abort(reason));
  await expect(entries).rejects.toBe(reason);
});

test('a scan yields at most 500 entries at a time', async () => {
  const spec = Object.fromEntries(Array.from({ length: 1201 }, (_, index) => [`tree/${index}`, '']));
  const layout = layoutIn(await buildTree(scratch(), spec));
  const sizes: number[] = [];
  for await (const batch of scan(
    layout,
    await layout.roots(),
    new SaveNotices(),
    new Listings({ exact: false }),
    undefined,
  ))
    sizes.push(batch.length);
  expect(sizes).toEqual([500, 500, 202]);
});
