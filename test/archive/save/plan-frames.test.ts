import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { planFrames } from '../../../src/archive/save/plan-frames.ts';
import type { ScannedEntry } from '../../../src/archive/scan/scan.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';
import { buildTree } from '../../support/tree.ts';

describe('planFrames', () => {
  const member = (dataBytes: number, path = '/nowhere') =>
    ({ name: 'x', path, type: 0, dataBytes, mtimeUs: 0, mtimeRestNs: 0, linkName: '' }) as ScannedEntry;
  const sizes = (members: readonly ScannedEntry[]) =>
    [...planFrames(members)].map(({ members }) => members.map(({ dataBytes }) => dataBytes));

  test('fills frames up to 4 MiB', () => {
    expect(sizes([member(3 * MiB), member(MiB / 2), member(MiB), member(1)])).toEqual([
      [3 * MiB, MiB / 2],
      [MiB, 1],
    ]);
    expect(sizes([member(1), member(7 * MiB), member(1)])).toEqual([[1], [7 * MiB], [1]]);
    expect(sizes([])).toEqual([]);
  });

  test('bounds the frames of entries without data', () => {
    const frames = sizes(Array.from({ length: 10_000 }, () => member(0)));
    expect(frames.length).toBeGreaterThan(2);
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThan((4 * MiB) / 512);
  });

  test('cuts a file over 8 MiB into slices', async () => {
    const root = await buildTree(scratch(), { big: Buffer.alloc(9 * MiB) });
    const plans = [...planFrames([member(1), member(9 * MiB, join(root, 'big')), member(2)])];
    expect(plans.map(({ slice }) => slice && [slice.start, slice.end])).toEqual([
      undefined,
      [0, 4 * MiB],
      [4 * MiB, 8 * MiB],
      [8 * MiB, 9 * MiB],
      undefined,
    ]);
  });

  test('throws a SourceTreeError when a large file cannot be read', () => {
    const path = `/${'n'.repeat(300)}`;
    const large = {
      name: 'x',
      path,
      type: 0,
      dataBytes: 2 ** 24,
      mtimeUs: 0,
      mtimeRestNs: 0,
      linkName: '',
    } as ScannedEntry;
    expect(() => [...planFrames([large])]).toThrow(SourceTreeError);
  });
});
