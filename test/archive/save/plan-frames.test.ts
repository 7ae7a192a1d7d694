import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { planFrames } from '../../../src/archive/save/plan-frames.ts';
import type { ScannedEntry } from '../../../src/archive/scan/scan.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree } from '../../support/tree.ts';

describe('planFrames', () => {
  const member = (dataBytes: number, path = '/nowhere') =>
    ({ name: 'x', path, type: 0, dataBytes, mtimeUs: 0, mtimeRestNs: 0, linkName: '' }) as ScannedEntry;
  const MIB = 1024 * 1024;
  const sizes = (members: readonly ScannedEntry[]) =>
    [...planFrames(members)].map(({ members }) => members.map(({ dataBytes }) => dataBytes));

  test('fills frames up to 4 MiB', () => {
    expect(sizes([member(3 * MIB), member(MIB / 2), member(MIB), member(1)])).toEqual([
      [3 * MIB, MIB / 2],
      [MIB, 1],
    ]);
    expect(sizes([member(1), member(7 * MIB), member(1)])).toEqual([[1], [7 * MIB], [1]]);
    expect(sizes([])).toEqual([]);
  });

  test('bounds the frames of entries without data', () => {
    const frames = sizes(Array.from({ length: 10_000 }, () => member(0)));
    expect(frames.length).toBeGreaterThan(2);
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThan((4 * MIB) / 512);
  });

  test('cuts a file over 8 MiB into slices', async () => {
    const root = await buildTree(scratch(), { big: Buffer.alloc(9 * MIB) });
    const plans = [...planFrames([member(1), member(9 * MIB, join(root, 'big')), member(2)])];
    expect(plans.map(({ slice }) => slice && [slice.start, slice.end])).toEqual([
      undefined,
      [0, 4 * MIB],
      [4 * MIB, 8 * MIB],
      [8 * MIB, 9 * MIB],
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
