import { describe, expect, test } from 'vitest';
import type { Frame } from '../../../src/archive/format/entry.ts';
import { groupFrames } from '../../../src/archive/restore/frame-runs.ts';
import { MiB } from '../../support/sizes.ts';

const frames = (...sizes: number[]): Frame[] =>
  sizes.map(size => ({ size, rawSize: size, sha256: new Uint8Array(32) }));
const all = () => true;
const bounds = (runs: ReturnType<typeof groupFrames>) =>
  runs.map(({ start, end, frames }) => [start, end, [...frames]]);

describe('groupFrames', () => {
  test('joins neighbouring frames up to the size of a request', () => {
    const runs = groupFrames(frames(3 * MiB, 3 * MiB, 3 * MiB, 3 * MiB), all);
    expect(bounds(runs)).toEqual([
      [0, 6 * MiB, [0, 1]],
      [6 * MiB, 12 * MiB, [2, 3]],
    ]);
  });

  test('gives a frame that is larger than a request a run of its own', () => {
    expect(bounds(groupFrames(frames(1, 20 * MiB, 1), all))).toEqual([
      [0, 1, [0]],
      [1, 20 * MiB + 1, [1]],
      [20 * MiB + 1, 20 * MiB + 2, [2]],
    ]);
  });

  test('joins no more tar than a job may unpack, and gives a frame with more a run of its own', () => {
    const packed = [2, 2, 1, 5, 3].map(rawSize => ({ size: 100, rawSize, sha256: new Uint8Array(32) }));
    expect(groupFrames(packed, all, 4).map(({ frames }) => [...frames])).toEqual([[0, 1], [2], [3], [4]]);
    expect(groupFrames(packed, frame => frame !== 1, 4).map(({ frames }) => [...frames])).toEqual([
      [0, 2],
      [3],
      [4],
    ]);
  });

  test('leaves out unwanted frames, unless the gap is small', () => {
    const wanted = (frame: number) => frame % 2 === 0;
    expect(bounds(groupFrames(frames(100, 1000, 100), wanted))).toEqual([[0, 1200, [0, 2]]]);
    expect(bounds(groupFrames(frames(100, MiB, 100), wanted))).toEqual([
      [0, 100, [0]],
      [MiB + 100, MiB + 200, [2]],
    ]);
  });

  test('joins frames over a gap of 256 KiB, and to a request of 129 * 64 KiB, and none beyond', () => {
    const [gap, range] = [256 * 1024, 129 * 64 * 1024];
    const counts = [0, 1].map(more => [
      groupFrames(frames(1, gap + more, 1), frame => frame !== 1).length,
      groupFrames(frames(MiB, range - MiB + more), all).length,
    ]);
    expect(counts).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('returns no runs if no frame is wanted', () => {
    expect(groupFrames(frames(1, 2, 3), () => false)).toEqual([]);
    expect(groupFrames([], all)).toEqual([]);
  });

  test('puts every wanted frame into exactly one run, at its offset', () => {
    const sizes = Array.from({ length: 300 }, (_, index) => 1 + ((index * 7919) % (5 * MiB)));
    const wanted = (frame: number) => frame % 7 !== 3;
    const runs = groupFrames(frames(...sizes), wanted);
    expect(runs.flatMap(({ frames }) => [...frames])).toEqual(sizes.map((_, index) => index).filter(wanted));
    let start = 0;
    const starts = sizes.map(size => {
      start += size;
      return start - size;
    });
    for (const run of runs) {
      expect(run.start).toBe(starts[run.frames[0]!]);
      expect(run.end).toBe(starts[run.frames.at(-1)!]! + sizes[run.frames.at(-1)!]!);
    }
  });
});
