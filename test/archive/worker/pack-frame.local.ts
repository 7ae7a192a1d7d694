import { execFileSync } from 'node:child_process';
import fs, {
  type fstatSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SLICE_BYTES, WHOLE_FILE_BYTES } from '../../../src/archive/format/container.ts';
import type { Entry } from '../../../src/archive/format/entry.ts';
import { failEachClose, replaceCalls } from '../../support/file-system-calls.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';
import { openWhole } from '../../support/tar/check-tar.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { saveAndRestore } from '../support/save-and-restore.ts';

const actual = { readSync: fs.readSync, fstatSync: fs.fstatSync, openSync: fs.openSync };

/** Counts calls of fstat. */
function countFstats(): () => number {
  let calls = 0;
  const counting = (...args: Parameters<typeof fstatSync>) => {
    calls++;
    return actual.fstatSync(...args);
  };
  replaceCalls({ fstatSync: counting as typeof fstatSync });
  return () => calls;
}

/** Changes the file, and its status, after each of its first `times` reads. */
function changeWhileRead(file: string, times: number): void {
  let left = times;
  const changing = (...args: [number]) => {
    const count = (actual.readSync as (...args: unknown[]) => number)(...args);
    const { ino, ctimeNs } = statSync(file, { bigint: true });
    if (left > 0 && actual.fstatSync(args[0], { bigint: true }).ino === ino) {
      left--;
      while (statSync(file, { bigint: true }).ctimeNs === ctimeNs)
        writeFileSync(file, `changed, ${left} to go`);
    }
    return count;
  };
  replaceCalls({ readSync: changing as typeof fs.readSync });
}

async function entriesOf(object: Buffer): Promise<readonly Entry[]> {
  return (await openWhole(object)).manifest.entries;
}

const names = Array.from({ length: 200 }, (_, index) => `f${index}`);
const files = Object.fromEntries(names.map(name => [`tree/${name}`, `data of ${name}`]));

describe('a file whose place something else takes after the scan', requires(posix), () => {
  /** Packs a tree, one file of which is replaced before it is opened. */
  async function packReplaced(replace: (file: string) => void): Promise<readonly string[]> {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'b' });
    const file = path.join(from, 'tree/b');
    const replacing = (...args: Parameters<typeof fs.openSync>) => {
      if (args[0] === file) replace(file);
      return actual.openSync(...args);
    };
    replaceCalls({ openSync: replacing as typeof fs.openSync });
    return (await entriesOf((await packTree(layoutIn(from))).object)).map(({ name }) => name);
  }

  test('is skipped if it is a link, whose target is not read', async () => {
    const outside = await buildTree(scratch(), { secret: 'secret' });
    const names = await packReplaced(file => {
      rmSync(file);
      symlinkSync(path.join(outside, 'secret'), file);
    });
    expect(names).toEqual(['./tree/', './tree/a']);
  });

  test('is skipped if it is a FIFO, which does not block', async () => {
    const names = await packReplaced(file => {
      rmSync(file);
      execFileSync('mkfifo', [file]);
    }).catch((error: Error) => error.message);
    expect(names).toEqual(['./tree/', './tree/a']);
  });
});

describe('packing a whole file', () => {
  test('calls fstat once for a file that is unchanged since the scan', async () => {
    const from = await buildTree(scratch(), files);
    const calls = countFstats();
    await packTree(layoutIn(from));
    expect(calls()).toBe(names.length);
  });

  test('stores the exact microsecond of its time', async () => {
    const from = await buildTree(scratch(), files);
    // Plain numbers hold times to a quarter of a microsecond: close to a whole one they round to its neighbour
    for (const [index, name] of names.entries())
      utimesSync(path.join(from, 'tree', name), 0, 1_700_000_000 + index / 997);
    const { object } = await packTree(layoutIn(from));
    const found = (await entriesOf(object)).filter(({ size }) => size > 0);
    const exact = ({ name }: Entry) => statSync(path.join(from, name), { bigint: true }).mtimeNs;
    expect(found.map(({ mtimeUs, mtimeRestNs }) => BigInt(mtimeUs) * 1000n + BigInt(mtimeRestNs))).toEqual(
      found.map(exact),
    );
  });

  test('reads a file again that changed while it was read', async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'b', 'tree/c': 'c' });
    const file = path.join(from, 'tree/b');
    changeWhileRead(file, 2);
    const { to } = await saveAndRestore(from);
    const content = (name: string) => readFileSync(path.join(to, 'tree', name), 'utf8');
    expect(['a', 'b', 'c'].map(content)).toEqual(['a', 'changed, 0 to go', 'c']);
  });

  test('fails for a file that changes each time it is read', async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'b' });
    changeWhileRead(path.join(from, 'tree/b'), 3);
    const attempt = packTree(layoutIn(from));
    await expect(attempt).rejects.toThrow(
      `${path.join(from, 'tree/b')} changed while it was read, in two attempts`,
    );
  });
});

test.each([
  ['small', 10, 0],
  ['small and changed while it was read', 10, 1],
  ['large', WHOLE_FILE_BYTES + 1, 0],
])('a save has a file that is %s although it cannot be closed without an error', async (_, size, changes) => {
  const from = await buildTree(scratch(), { 'tree/a': 'a' });
  const file = path.join(from, 'tree/a');
  truncateSync(file, size);
  if (changes > 0) changeWhileRead(file, changes);
  failEachClose();
  const { object } = await packTree(layoutIn(from));
  expect((await entriesOf(object)).map(({ name }) => name)).toEqual(['./tree/', './tree/a']);
});

describe('a file that ends before its size', () => {
  const short = (file: string) => `${file}: shorter than its size, as files in /sys are`;

  /** Makes a file that ends at `bytes` whatever its size is, from the `reads`th read on. */
  function cutShort(file: string, bytes: number, reads = 0): void {
    const { ino } = statSync(file, { bigint: true });
    let left = reads;
    const cut = (...args: [number, Uint8Array, number, number, number]) => {
      const [fd, target, offset, length, position] = args;
      const isCut = actual.fstatSync(fd, { bigint: true }).ino === ino && left-- <= 0;
      const count = isCut ? Math.max(0, Math.min(length, bytes - position)) : length;
      return (actual.readSync as (...args: unknown[]) => number)(fd, target, offset, count, position);
    };
    replaceCalls({ readSync: cut as typeof fs.readSync });
  }

  test.each([
    ['small', 10],
    ['large', WHOLE_FILE_BYTES + 1],
    ['over 16 MiB', 17 * MiB],
    ['of 1 TiB', 1024 * 1024 * MiB],
  ])('is not saved if it is %s, and the others are', async (_, size) => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'data', 'tree/c': 'c' });
    const file = `${path.join(from, 'tree')}/b`;
    truncateSync(file, size);
    cutShort(file, 4);
    const { object, skipped } = await packTree(layoutIn(from));
    expect((await entriesOf(object)).map(({ name }) => name)).toEqual(['./tree/', './tree/a', './tree/c']);
    expect(object.length).toBeLessThan(2000);
    expect(skipped).toEqual([short(file)]);
  });

  test.each([10, WHOLE_FILE_BYTES + 1])('is reported under each of its names (%i bytes)', async size => {
    const linked = { 'tree/b': 'data', 'tree/c': { hardlink: 'tree/b' }, 'tree/d': { hardlink: 'tree/b' } };
    const from = await buildTree(scratch(), { 'tree/a': 'a', ...linked });
    const files = ['b', 'c', 'd'].map(name => `${path.join(from, 'tree')}/${name}`);
    truncateSync(files[0]!, size);
    cutShort(files[0]!, 4);
    const { object, skipped } = await packTree(layoutIn(from));
    expect((await entriesOf(object)).map(({ name }) => name)).toEqual(['./tree/', './tree/a']);
    expect(skipped).toEqual(files.map(short));
  });

  test('is not saved if that shows only after its first slices were written', async () => {
    const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'data', 'tree/c': 'c' });
    const file = `${path.join(from, 'tree')}/b`;
    truncateSync(file, 3 * SLICE_BYTES + 1);
    // The end, and the first slice
    cutShort(file, 4, 2);
    const { object, skipped } = await packTree(layoutIn(from), { deadMembers: true });
    expect((await entriesOf(object)).map(({ name }) => name)).toEqual(['./tree/', './tree/a', './tree/c']);
    expect(skipped).toEqual([short(file)]);
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    expect(readFileSync(path.join(to, 'tree/c'), 'utf8')).toBe('c');
  });

  test.each([10, WHOLE_FILE_BYTES + 1, 17 * MiB])(
    'is saved if its size of %i bytes is that of a hole at its end',
    async size => {
      const from = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'data', 'tree/c': 'c' });
      truncateSync(path.join(from, 'tree/b'), size);
      const { to, skipped } = await saveAndRestore(from);
      expect(await describeTree(to)).toEqual(await describeTree(from));
      expect(skipped).toEqual([]);
    },
  );
});
