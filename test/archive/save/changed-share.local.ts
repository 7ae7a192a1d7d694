import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import { isLikelyWorthReusing } from '../../../src/archive/save/changed-share.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';
import { HEAD, layoutIn } from '../support/archives.ts';
import { entryOf } from '../support/entry-of.ts';

interface Given {
  /** Bytes of each file by the manifest; on the disk each has one byte. */
  readonly sizes: readonly number[];
  /** Bytes of the frame that no entry uses. */
  readonly dead?: number;
  /** Bytes of the frame as it is stored; default: it does not compress. */
  readonly stored?: number;
  /** The first files are in a frame of their own, compressed to this share. */
  readonly firstFrame?: { readonly files: number; readonly ratio: number };
  /** Changes files between restore and save. */
  readonly change?: (fileOf: (index: number) => string) => void;
}

async function estimate({ sizes, dead = 0, stored, firstFrame, change }: Given): Promise<boolean> {
  const workspace = scratch();
  const layout = layoutIn(workspace);
  fs.mkdirSync(path.join(workspace, 'tree'));
  const nameOf = (index: number) => `tree/${String(index).padStart(4, '0')}`;
  const rows = StatusRows.of(sizes.length);
  const alone = firstFrame?.files ?? 0;
  let offset = 0;
  let firstRaw = 0;
  const entries = sizes.map((size, index): Entry => {
    const file = path.join(workspace, nameOf(index));
    fs.writeFileSync(file, 'x');
    rows.set(index, lstatExact(file)!);
    if (index === alone) [firstRaw, offset] = [offset, 0];
    const frame = index < alone || alone === 0 ? 0 : 1;
    const place = size > 0 ? { frame, offset: offset + 512 } : { frame: -1, offset: 0 };
    offset += 512 + size;
    return entryOf(`./${nameOf(index)}`, EntryType.file, { size, ...place });
  });
  const rawSize = offset + dead;
  const sha256 = new Uint8Array(32);
  const frames = [{ size: stored ?? rawSize, rawSize, sha256 }];
  if (firstFrame) frames.unshift({ size: firstRaw * firstFrame.ratio, rawSize: firstRaw, sha256 });
  change?.(index => path.join(workspace, nameOf(index)));
  return isLikelyWorthReusing(
    { manifest: { head: HEAD, frames, entries }, rows, contents: undefined },
    layout,
  );
}

const hundred = Array.from({ length: 100 }, () => MiB);
const rewrite = (...indexes: readonly number[]) => {
  return (fileOf: (index: number) => string) => {
    for (const index of indexes) fs.writeFileSync(fileOf(index), 'y');
  };
};
const first = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('the estimate before the scan', () => {
  test('accepts the base of an untouched tree', async () => {
    expect(await estimate({ sizes: hundred })).toBe(true);
  });

  test.each([
    [5, true],
    [20, true],
    [25, false],
    [30, false],
  ])('for %i of 100 changed files is %s', async (changed, likely) => {
    const every = first(changed).map(index => Math.floor((index * 100) / changed));
    expect(await estimate({ sizes: hundred, change: rewrite(...every) })).toBe(likely);
  });

  test('counts deleted files as changed', async () => {
    const change: Given['change'] = fileOf => {
      for (const index of first(30)) fs.rmSync(fileOf(index));
    };
    expect(await estimate({ sizes: hundred, change })).toBe(false);
  });

  test('counts bytes, not files', async () => {
    const sizes = [...first(900).map(() => 1024), ...first(100).map(() => MiB)];
    expect(await estimate({ sizes, change: rewrite(...first(900)) })).toBe(true);
    expect(await estimate({ sizes: [30 * MiB, ...first(70).map(() => MiB)], change: rewrite(0) })).toBe(
      false,
    );
    expect(await estimate({ sizes: [...first(70).map(() => MiB), 30 * MiB], change: rewrite(70) })).toBe(
      false,
    );
    expect(await estimate({ sizes: [30 * MiB, ...first(70).map(() => MiB)], change: rewrite(1) })).toBe(true);
  });

  test('counts bytes by the compression ratio of their frame', async () => {
    const sizes = [9 * MiB, ...first(9).map(() => MiB)];
    expect(await estimate({ sizes, change: rewrite(0) })).toBe(false);
    expect(await estimate({ sizes, firstFrame: { files: 1, ratio: 0.01 }, change: rewrite(0) })).toBe(true);
    expect(await estimate({ sizes, firstFrame: { files: 1, ratio: 0.01 }, change: rewrite(1, 2, 3) })).toBe(
      false,
    );
  });

  test('includes the bytes that are dead already', async () => {
    expect(await estimate({ sizes: hundred, dead: 20 * MiB })).toBe(true);
    expect(await estimate({ sizes: hundred, dead: 20 * MiB, change: rewrite(...first(10)) })).toBe(false);
    expect(await estimate({ sizes: hundred, dead: 40 * MiB })).toBe(false);
  });

  test('rejects a region that is smaller than the smallest part of S3', async () => {
    expect(await estimate({ sizes: hundred, stored: 5 * MiB })).toBe(true);
    expect(await estimate({ sizes: hundred, stored: 5 * MiB - 1 })).toBe(false);
  });

  test('rejects a base without data', async () => {
    expect(await estimate({ sizes: [0, 0], dead: 10 * MiB })).toBe(false);
  });
});
