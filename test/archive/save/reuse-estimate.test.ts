import { describe, expect, test } from 'vitest';
import { type Entry, EntryType, type Frame } from '../../../src/archive/format/entry.ts';
import { isWorthReusing, regionUsage } from '../../../src/archive/save/reuse-estimate.ts';
import { MiB } from '../../support/sizes.ts';
import { HEAD } from '../support/archives.ts';
import { entryOf } from '../support/entry-of.ts';

const file = (name: string, size: number, frame: number, offset = 512) =>
  entryOf(name, EntryType.file, { size, frame, offset });

const deadBytes = (
  frames: readonly Pick<Frame, 'size' | 'rawSize'>[],
  entries: readonly Entry[],
  isLive?: (entry: number) => boolean,
) => {
  const sha256 = new Uint8Array(32);
  const manifest = { head: HEAD, frames: frames.map(frame => ({ ...frame, sha256 })), entries };
  return regionUsage(manifest, isLive).deadBytes;
};

describe('the dead bytes of an archive', () => {
  test('are none if all entries are live, and the region has the bytes of all frames', () => {
    const frames = [0, 1].map(() => ({ size: MiB, rawSize: 2 * MiB + 512, sha256: new Uint8Array(32) }));
    const entries = [file('a', 2 * MiB, 0), file('b', 2 * MiB, 1)];
    expect(regionUsage({ head: HEAD, frames, entries })).toEqual({ regionBytes: 2 * MiB, deadBytes: 0 });
  });

  test('count by the compression ratio of their frame', () => {
    const frames = [
      { size: MiB / 2, rawSize: 2 * (MiB + 512) },
      { size: 1.5 * MiB, rawSize: 2 * (MiB + 512) },
    ];
    const entries = [0, 1].flatMap(frame => [file('a', MiB, frame), file('b', MiB, frame, MiB + 1024)]);
    expect(deadBytes(frames, entries, index => index !== 0)).toBeCloseTo(MiB / 4, 0);
    expect(deadBytes(frames, entries, index => index !== 2)).toBeCloseTo(0.75 * MiB, 0);
  });

  test('include all frames of a deleted file in slices', () => {
    const frames = [512, 0, 0].map(header => ({ size: 3 * MiB, rawSize: 4 * MiB + header }));
    const entries = [file('a', 12 * MiB, 0), file('b', 36 * MiB, 3)];
    const all = [...frames, { size: 18 * MiB, rawSize: 36 * MiB + 512 }];
    expect(deadBytes(all, entries, index => index === 1)).toBeCloseTo(9 * MiB, 0);
    expect(deadBytes(all, entries, index => index === 0)).toBeCloseTo(18 * MiB, 0);
  });

  test('do not include the headers of live entries without data', () => {
    const links = Array.from({ length: 20_000 }, (_, index) => entryOf(`l${index}`, EntryType.symlink));
    const frames = [{ size: 10 * MiB, rawSize: 10 * MiB + 512 + 20_000 * 512 }];
    const entries = [file('file', 10 * MiB, 0), ...links];
    expect(deadBytes(frames, entries)).toBe(0);
    const half = deadBytes(frames, entries, index => index <= 10_000);
    expect(half / (10 * MiB)).toBeCloseTo(0.25, 2);
  });

  test('do not include the padding of live data', () => {
    expect(deadBytes([{ size: 100, rawSize: 1024 }], [file('a', 1, 0)])).toBe(0);
  });

  test('are never negative where the estimated headers are longer than a frame or the archive', () => {
    const long = file('x'.repeat(101), 512, 0);
    const frames = [
      { size: 100, rawSize: 1024 },
      { size: 100, rawSize: 1024 },
    ];
    expect(deadBytes(frames, [long])).toBe(100);
    const links = [0, 1, 2].map(index => entryOf(`l${index}`, EntryType.symlink));
    expect(deadBytes(frames, [long, ...links])).toBe(0);
  });

  test('count three blocks for the header of a long name or of a time with a fraction', () => {
    const frames = [{ size: 6 * MiB, rawSize: MiB + 1536 }];
    const long = file('x'.repeat(101), MiB, 0, 1536);
    expect(deadBytes(frames, [long])).toBe(0);
    const exact = { ...file('x', MiB, 0, 1536), mtimeRestNs: 1 };
    expect(deadBytes(frames, [exact])).toBe(0);
    for (const name of ['x', 'x'.repeat(100)])
      expect(deadBytes(frames, [file(name, MiB, 0, 1536)])).toBeGreaterThan(0);
  });
});

test('a region is reused from 5 MiB on, the smallest part of S3, and with at most a quarter of dead bytes', () => {
  const reuses = (regionBytes: number, dead: number) => isWorthReusing({ regionBytes, deadBytes: dead });
  expect([reuses(5 * MiB - 1, 0), reuses(5 * MiB, 0)]).toEqual([false, true]);
  expect([reuses(8 * MiB, 2 * MiB), reuses(8 * MiB, 2 * MiB + 1)]).toEqual([true, false]);
});
