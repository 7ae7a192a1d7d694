import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import { planFrames } from '../../../src/archive/save/plan-frames.ts';
import { collect } from '../../support/collect.ts';
import { longNameErrors, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { MiB } from '../../support/sizes.ts';
import { buildTree } from '../../support/tree.ts';

describe('planFrames', () => {
  const member = (size: number, path = '/nowhere') =>
    ({ name: 'x', path, type: 0, size, mtimeUs: 0, mtimeRestNs: 0, linkName: '' }) as ScannedEntry;
  const plansOf = (members: readonly ScannedEntry[]) => {
    async function* batches() {
      yield members.slice(0, 1);
      yield members.slice(1);
    }
    return collect(planFrames(batches()));
  };
  const sizes = async (members: readonly ScannedEntry[]) =>
    (await plansOf(members)).map(({ members }) => members.map(({ size }) => size));

  test('fills frames up to 4 MiB', async () => {
    expect(await sizes([member(3 * MiB), member(MiB / 2), member(MiB), member(1)])).toEqual([
      [3 * MiB, MiB / 2],
      [MiB, 1],
    ]);
    expect(await sizes([member(1), member(7 * MiB), member(1)])).toEqual([[1], [7 * MiB], [1]]);
    expect(await sizes([])).toEqual([]);
  });

  test('bounds the frames of entries without data', async () => {
    const frames = await sizes(Array.from({ length: 10_000 }, () => member(0)));
    expect(frames.length).toBeGreaterThan(2);
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThan((4 * MiB) / 512);
  });

  test('cuts a file over 8 MiB into slices', async () => {
    const root = await buildTree(scratch(), { big: Buffer.alloc(9 * MiB) });
    const plans = await plansOf([member(1), member(9 * MiB, join(root, 'big')), member(2)]);
    expect(plans.map(({ slice }) => slice && [slice.start, slice.end])).toEqual([
      undefined,
      [0, 4 * MiB],
      [4 * MiB, 8 * MiB],
      [8 * MiB, 9 * MiB],
      undefined,
    ]);
  });

  test('throws a SourceTreeError when a large file cannot be read', requires(longNameErrors), async () => {
    const path = `/${'n'.repeat(300)}`;
    const large = {
      name: 'x',
      path,
      type: 0,
      size: 2 ** 24,
      mtimeUs: 0,
      mtimeRestNs: 0,
      linkName: '',
    } as ScannedEntry;
    await expect(plansOf([large])).rejects.toThrow(SourceTreeError);
  });
});
