import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { toFileTime } from '../../../src/archive/platform.ts';
import type { SaveOutcome } from '../../../src/storage/backend.ts';
import { buildTree, describeTree, type TreeSpec } from '../../support/tree.ts';
import { incompressible } from '../support.ts';
import { ballast, fleet, packedBy } from './fixture.ts';
import type { Job } from './job.ts';

/** What happens to a tree between a restore and the save that follows, one thing at a time. */

const isRoot = process.getuid?.() === 0;
const linux = process.platform === 'linux';

interface Grown {
  readonly outcome: SaveOutcome;
  /** Whether the save was an incremental one. */
  readonly grew: boolean;
  /** What it packed of files with data. */
  readonly packed: readonly string[];
  readonly job: Job;
}

/**
 * Saves a tree, restores it, does `edit` to it and saves it on top. Checks that what is restored then, by us and by
 * `zstd -dc | tar xf -`, is the tree that was saved.
 */
async function grow(spec: TreeSpec, ...edits: ((tree: string) => unknown)[]): Promise<Grown> {
  const { store, job } = fleet();
  const first = job();
  await buildTree(first.workspace, { ...ballast, ...spec });
  expect(await first.saveInFull('k-0')).toMatchObject({ result: 'saved', reusedBytes: 0 });
  let grown: Grown | undefined;
  for (const [index, edit] of edits.entries()) {
    const [key, baseKey] = [`k-${index + 1}`, `k-${index}`];
    const next = job();
    await next.restore('none', { restoreKeys: [baseKey] });
    await edit(`${next.workspace}/tree`);
    const saved = await describeTree(next.workspace, { owners: isRoot });
    const outcome = await next.save(key);
    expect(outcome.result).toBe('saved');
    const grew = outcome.result === 'saved' && outcome.reusedBytes > 0;
    grown = { outcome, grew, packed: grew ? await packedBy(next, key, baseKey) : [], job: next };
    const reader = job();
    await reader.restore(key);
    expect(await describeTree(reader.workspace, { owners: isRoot })).toEqual(saved);
    if (linux) {
      const tarred = job();
      const object = path.join(tarred.temp, 'object');
      const { sizeBytes } = (await store.head(await next.objectName(key)))!;
      fs.writeFileSync(
        object,
        (await store.getRange(await next.objectName(key), { start: 0, end: sizeBytes }))!.bytes,
      );
      const command = 'zstd -dc "$1" | tar -xpf - -C "$2"';
      execFileSync('bash', ['-o', 'pipefail', '-c', command, 'bash', object, tarred.workspace]);
      expect(await describeTree(tarred.workspace, { owners: isRoot })).toMatchObject(saved);
    }
  }
  return grown!;
}

/** Writes and puts the time back to the nanosecond, as `rsync --inplace --times` and not a few tools do. */
function rewriteInPlace(file: string, content: string): void {
  const { mtimeNs } = fs.lstatSync(file, { bigint: true });
  fs.writeFileSync(file, content);
  const seconds = toFileTime(Number(mtimeNs / 1000n));
  fs.utimesSync(file, seconds, seconds);
  expect(fs.lstatSync(file, { bigint: true }).mtimeNs).toBe(mtimeNs);
}

const npmTime = 499_162_500_000_000;

test('nothing at all: nothing is packed', async () => {
  const { grew, packed, outcome, job } = await grow({ 'tree/a': 'a' }, () => {});
  expect([grew, packed]).toEqual([true, []]);
  const [own, base] = [await job.open('k-1'), await job.open('k-0')];
  expect(own.manifest.frames).toEqual(base.manifest.frames);
  expect(own.manifest.head).toMatchObject({ generation: 1, object: own.name });
  const { reusedBytes = 0, sizeBytes = 0 } = outcome as { reusedBytes?: number; sizeBytes?: number };
  expect(sizeBytes - reusedBytes).toBeLessThan(5000);
});

describe('files', () => {
  test('a new content of the same size and time', async () => {
    const { grew, packed } = await grow(
      { 'tree/a': { content: 'one', mtime: npmTime }, 'tree/b': 'b' },
      tree => rewriteInPlace(`${tree}/a`, 'two'),
    );
    expect([grew, packed]).toEqual([true, ['./tree/a']]);
  });

  test('another file of the same size, mode and time by rename', async () => {
    const { packed } = await grow({ 'tree/a': { content: 'one', mtime: npmTime } }, tree => {
      fs.writeFileSync(`${tree}/new`, 'two');
      fs.utimesSync(`${tree}/new`, npmTime / 1e6, npmTime / 1e6);
      fs.renameSync(`${tree}/new`, `${tree}/a`);
    });
    expect(packed).toEqual(['./tree/a']);
  });

  test('two files that change places', async () => {
    const spec = {
      'tree/a': { content: 'one', mtime: npmTime },
      'tree/b': { content: 'two', mtime: npmTime },
    };
    const { packed } = await grow(spec, tree => {
      fs.renameSync(`${tree}/a`, `${tree}/c`);
      fs.renameSync(`${tree}/b`, `${tree}/a`);
      fs.renameSync(`${tree}/c`, `${tree}/b`);
    });
    expect(packed).toEqual(['./tree/a', './tree/b']);
  });

  test('from empty to something and back', async () => {
    const time = { mtime: npmTime };
    const { grew } = await grow(
      { 'tree/empty': { content: '', ...time }, 'tree/full': { content: 'x', ...time } },
      tree => {
        rewriteInPlace(`${tree}/empty`, 'y');
        rewriteInPlace(`${tree}/full`, '');
      },
      tree => {
        rewriteInPlace(`${tree}/empty`, '');
        rewriteInPlace(`${tree}/full`, 'x');
      },
    );
    expect(grew).toBe(true);
  });

  test('in slices: one byte of a large one', async () => {
    const large = { content: Buffer.alloc(9_000_000, 'slices that compress to next to nothing '), mtime: 1 };
    const { packed } = await grow({ 'tree/large': large, 'tree/large-too': large }, tree => {
      const fd = fs.openSync(`${tree}/large`, 'r+');
      fs.writeSync(fd, 'X', 8_500_000);
      fs.closeSync(fd);
    });
    expect(packed).toEqual(['./tree/large']);
  });

  test('a content that was there two saves ago', async () => {
    const { packed } = await grow(
      { 'tree/a': 'one' },
      tree => fs.writeFileSync(`${tree}/a`, 'two'),
      tree => fs.writeFileSync(`${tree}/a`, 'one'),
    );
    expect(packed).toEqual(['./tree/a']);
  });

  test('gone, and there again with the time it had', async () => {
    await grow(
      { 'tree/a': { content: 'one', mtime: npmTime } },
      tree => fs.rmSync(`${tree}/a`),
      tree => {
        fs.writeFileSync(`${tree}/a`, 'two');
        fs.utimesSync(`${tree}/a`, npmTime / 1e6, npmTime / 1e6);
      },
    );
  });

  test('only the mode', async () => {
    const { packed } = await grow({ 'tree/a': { content: 'a', mode: 0o644 }, 'tree/b': 'b' }, tree =>
      fs.chmodSync(`${tree}/a`, 0o755),
    );
    expect(packed).toEqual(['./tree/a']);
  });

  test.runIf(isRoot)('only the owner', async () => {
    const { packed } = await grow({ 'tree/a': 'a', 'tree/b': 'b' }, tree => {
      fs.chownSync(`${tree}/a`, 7, 8);
      fs.chownSync(tree, 7, 8);
    });
    expect(packed).toEqual(['./tree/a']);
  });
});

describe('directories', () => {
  test('one renamed over another, with all times equal', async () => {
    const npm = (content: string) => ({ content, mtime: npmTime });
    const spec = {
      'tree/one/index.js': npm('1111'),
      'tree/one/lib/index.js': npm('1112'),
      'tree/one/lib': { directory: true, mtime: npmTime },
      'tree/one': { directory: true, mtime: npmTime },
      'tree/two/index.js': npm('2221'),
      'tree/two/lib/index.js': npm('2222'),
      'tree/two/lib': { directory: true, mtime: npmTime },
      'tree/two': { directory: true, mtime: npmTime },
    } as const;
    const { grew, packed } = await grow(spec, tree => {
      const ctime = fs.statSync(`${tree}/two/lib/index.js`, { bigint: true }).ctimeNs;
      fs.rmSync(`${tree}/one`, { recursive: true });
      fs.renameSync(`${tree}/two`, `${tree}/one`);
      // Nothing but the inode tells
      expect(fs.statSync(`${tree}/one/lib/index.js`, { bigint: true }).ctimeNs).toBe(ctime);
    });
    expect([grew, packed]).toEqual([true, ['./tree/one/index.js', './tree/one/lib/index.js']]);
  });

  test('a file changes in one: its own entry comes again, for tar to put its time right', async () => {
    const { job } = await grow(
      { 'tree/sub/a': 'a', 'tree/sub': { directory: true, mtime: npmTime }, 'tree/other/b': 'b' },
      tree => rewriteInPlace(`${tree}/sub/a`, 'A'),
    );
    const rawSizes = (await job.open('k-1')).manifest.frames.map(frame => frame.rawSize);
    // Header of the directory, header with a fraction of a second and data of the file
    expect(rawSizes.at(-1)).toBe(512 + 1536 + 512);
  });

  test('a name turns from file to directory and back: tar could not follow, so it is a full save', async () => {
    const toDirectory = (tree: string) => {
      fs.rmSync(`${tree}/turns`);
      fs.mkdirSync(`${tree}/turns`);
      fs.writeFileSync(`${tree}/turns/inside`, 'x');
    };
    const toFile = (tree: string) => {
      fs.rmSync(`${tree}/turns`, { recursive: true });
      fs.writeFileSync(`${tree}/turns`, 'y');
    };
    const file = { 'tree/turns': 'file' };
    expect((await grow(file, toDirectory)).grew).toBe(true);
    expect((await grow(file, toDirectory, toFile)).grew).toBe(false);
    expect((await grow(file, toDirectory, toFile, toDirectory)).grew).toBe(true);
  });

  test('a directory goes, and generations later something else has its name', async () => {
    const spec = { 'tree/gone/deep/inside': 'x', 'tree/stays': 's' };
    const goes = (tree: string) => fs.rmSync(`${tree}/gone`, { recursive: true });
    const nothing = () => {};
    const { job } = await grow(spec, goes, nothing);
    const { head } = (await job.open('k-2')).manifest;
    expect(head.deadDirectories).toEqual(['./tree/gone/', './tree/gone/deep/']);
    const link = (tree: string) => fs.symlinkSync('stays', `${tree}/gone`);
    const later = await grow(spec, goes, nothing, link);
    expect(later.grew).toBe(false);
    expect((await later.job.open('k-3')).manifest.head).not.toHaveProperty('deadDirectories');
    expect((await grow(spec, goes, tree => fs.mkdirSync(`${tree}/gone`))).grew).toBe(true);
  });

  test('only the time, only the mode', async () => {
    const { grew, packed } = await grow({ 'tree/one/a': 'a', 'tree/two/b': 'b' }, tree => {
      fs.utimesSync(`${tree}/one`, 1, 1);
      fs.chmodSync(`${tree}/two`, 0o700);
    });
    expect([grew, packed]).toEqual([true, []]);
  });

  test.runIf(isRoot && linux)('another file system mounted over one', async () => {
    const cached = { content: 'cached', mtime: npmTime };
    const spec = { 'tree/mounted/a': cached, 'tree/mounted': { directory: true, mtime: npmTime } } as const;
    let mounted = '';
    try {
      const { packed } = await grow(spec, tree => {
        mounted = `${tree}/mounted`;
        execFileSync('mount', ['-t', 'tmpfs', 'cache-s3-test', mounted]);
        fs.writeFileSync(`${mounted}/a`, 'cAchEd');
        fs.utimesSync(`${mounted}/a`, npmTime / 1e6, npmTime / 1e6);
      });
      expect(packed).toEqual(['./tree/mounted/a']);
    } finally {
      if (mounted !== '') execFileSync('umount', [mounted]);
    }
  });
});

describe('links', () => {
  test('a symlink to another target of the same length and time', async () => {
    const link = (target: string) => ({ symlink: target, mtime: npmTime });
    const { grew, packed } = await grow({ 'tree/a': link('one'), 'tree/b': link('one') }, tree => {
      fs.rmSync(`${tree}/a`);
      fs.symlinkSync('two', `${tree}/a`);
      fs.lutimesSync(`${tree}/a`, npmTime / 1e6, npmTime / 1e6);
    });
    expect([grew, packed]).toEqual([true, []]);
  });

  const names = {
    'tree/1-first': { content: 'several names', mtime: npmTime },
    'tree/2-second': { hardlink: 'tree/1-first' },
    'tree/3-third': { hardlink: 'tree/1-first' },
  };

  test('nothing happens to a file with several names', async () => {
    expect((await grow(names, () => {})).packed).toEqual([]);
  });

  test.each<[string, (tree: string) => unknown, readonly string[]]>([
    [
      'the first name gets another file',
      tree => {
        fs.rmSync(`${tree}/1-first`);
        fs.writeFileSync(`${tree}/1-first`, 'a file');
      },
      ['./tree/1-first', './tree/2-second'],
    ],
    ['the first name goes', tree => fs.rmSync(`${tree}/1-first`), ['./tree/2-second']],
    ['the second name goes', tree => fs.rmSync(`${tree}/2-second`), ['./tree/1-first']],
    [
      'there is a new first name',
      tree => fs.linkSync(`${tree}/2-second`, `${tree}/0-before`),
      ['./tree/0-before'],
    ],
    [
      'it changes by its last name',
      tree => rewriteInPlace(`${tree}/3-third`, 'SEVERAL NAMES'),
      ['./tree/1-first'],
    ],
    [
      'the last name moves into a directory before the others',
      tree => {
        fs.mkdirSync(`${tree}/0`);
        fs.renameSync(`${tree}/3-third`, `${tree}/0/third`);
      },
      ['./tree/0/third'],
    ],
    [
      'its names become files of their own',
      tree => {
        for (const name of ['2-second', '3-third']) {
          fs.copyFileSync(`${tree}/${name}`, `${tree}/copy`);
          fs.renameSync(`${tree}/copy`, `${tree}/${name}`);
        }
      },
      ['./tree/1-first', './tree/2-second', './tree/3-third'],
    ],
  ])('%s', async (_, edit, packed) => {
    const grown = await grow(names, edit);
    expect([grown.grew, grown.packed]).toEqual([true, packed]);
  });
});

test('what one save takes over, the next one does too', async () => {
  const files = Array.from({ length: 6 }, (_, index) => `tree/${index}`);
  const spec = Object.fromEntries(files.map(name => [name, incompressible(1000, name)]));
  const edits = files.map(name => (tree: string) => fs.writeFileSync(path.join(tree, '..', name), 'new'));
  const { job, grew } = await grow(spec, ...edits);
  expect(grew).toBe(true);
  expect((await job.open('k-6')).manifest.head.generation).toBe(6);
});
