import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/restore/status-rows.ts';
import { isLikelyWorthReusing } from '../../../src/archive/save/forecast.ts';
import { HEAD, layoutIn } from '../support/archives.ts';
import { scratch } from '../support/scratch.ts';

const MiB = 1024 * 1024;

interface Given {
  /** Bytes of each file, as the manifest has them; on the disk there is next to nothing. */
  readonly sizes: readonly number[];
  /** Bytes of the frame that no entry uses. */
  readonly dead?: number;
  /** Bytes of the frame as it is stored; default: it does not compress. */
  readonly stored?: number;
  /** So many of the files are in a frame of their own, of which this share is left when it is compressed. */
  readonly firstFrame?: { readonly files: number; readonly ratio: number };
  /** What happens to the files between restore and save. */
  readonly change?: (fileOf: (index: number) => string) => void;
}

async function forecast({ sizes, dead = 0, stored, firstFrame, change }: Given): Promise<boolean> {
  const workspace = scratch();
  const layout = await layoutIn(workspace);
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
    return {
      ...{ name: `./${nameOf(index)}`, type: EntryType.file, size, mode: 0o644, mtimeUs: 0, target: '' },
      ...{ linkTo: -1, uid: -1, gid: -1, ...place },
    };
  });
  const rawSize = offset + dead;
  const sha256 = new Uint8Array(32);
  const frames = [{ size: stored ?? rawSize, rawSize, sha256 }];
  if (firstFrame) frames.unshift({ size: firstRaw * firstFrame.ratio, rawSize: firstRaw, sha256 });
  change?.(index => path.join(workspace, nameOf(index)));
  return isLikelyWorthReusing({ manifest: { head: HEAD, frames, entries }, rows }, layout);
}

const hundred = Array.from({ length: 100 }, () => MiB);
const rewrite = (...indexes: readonly number[]) => {
  return (fileOf: (index: number) => string) => {
    for (const index of indexes) fs.writeFileSync(fileOf(index), 'y');
  };
};
const first = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('whether a base will do is told before the scan', () => {
  test('an untouched tree', async () => {
    expect(await forecast({ sizes: hundred })).toBe(true);
  });

  test.each([
    [5, true],
    [20, true],
    [25, false],
    [30, false],
  ])('%i of 100 files changed: %s', async (changed, likely) => {
    const every = first(changed).map(index => Math.floor((index * 100) / changed));
    expect(await forecast({ sizes: hundred, change: rewrite(...every) })).toBe(likely);
  });

  test('a file that is gone has changed', async () => {
    const change: Given['change'] = fileOf => {
      for (const index of first(30)) fs.rmSync(fileOf(index));
    };
    expect(await forecast({ sizes: hundred, change })).toBe(false);
  });

  test('bytes count, not files', async () => {
    const sizes = [...first(900).map(() => 1024), ...first(100).map(() => MiB)];
    expect(await forecast({ sizes, change: rewrite(...first(900)) })).toBe(true);
    expect(await forecast({ sizes: [30 * MiB, ...first(70).map(() => MiB)], change: rewrite(0) })).toBe(
      false,
    );
    expect(await forecast({ sizes: [...first(70).map(() => MiB), 30 * MiB], change: rewrite(70) })).toBe(
      false,
    );
    expect(await forecast({ sizes: [30 * MiB, ...first(70).map(() => MiB)], change: rewrite(1) })).toBe(true);
  });

  test('a byte counts by what its frame has made of it', async () => {
    const sizes = [9 * MiB, ...first(9).map(() => MiB)];
    expect(await forecast({ sizes, change: rewrite(0) })).toBe(false);
    expect(await forecast({ sizes, firstFrame: { files: 1, ratio: 0.01 }, change: rewrite(0) })).toBe(true);
    expect(await forecast({ sizes, firstFrame: { files: 1, ratio: 0.01 }, change: rewrite(1, 2, 3) })).toBe(
      false,
    );
  });

  test('what is dead already counts as well', async () => {
    expect(await forecast({ sizes: hundred, dead: 20 * MiB })).toBe(true);
    expect(await forecast({ sizes: hundred, dead: 20 * MiB, change: rewrite(...first(10)) })).toBe(false);
    expect(await forecast({ sizes: hundred, dead: 40 * MiB })).toBe(false);
  });

  test('less than S3 copies is never worth it', async () => {
    expect(await forecast({ sizes: hundred, stored: 5 * MiB })).toBe(true);
    expect(await forecast({ sizes: hundred, stored: 5 * MiB - 1 })).toBe(false);
  });

  test('of a base without data nothing is of use', async () => {
    expect(await forecast({ sizes: [0, 0], dead: 10 * MiB })).toBe(false);
  });
});
