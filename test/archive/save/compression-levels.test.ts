import { describe, expect, test } from 'vitest';
import {
  type CompressionLevel,
  CompressionLevels,
  describeLevels,
} from '../../../src/archive/save/compression-levels.ts';

/** Returns the level of each frame that finds the queue used like this. */
function levelsOf(level: CompressionLevel, queueFill: readonly number[]): number[] {
  const levels = new CompressionLevels(level);
  return queueFill.map(use => levels.next(use));
}

const frames = (count: number, use: number) => Array<number>(count).fill(use);

describe('the level auto', () => {
  test('is 3 while the queue is not full', () => {
    expect(new Set(levelsOf('auto', [...frames(100, 0), ...frames(100, 0.99)]))).toEqual(new Set([3]));
  });

  test('goes up one step for every eight frames that find the queue full, to 9 at most', () => {
    const levels = levelsOf('auto', frames(80, 1));
    const steps = [3, 4, 5, 6, 7, 8].flatMap((level, index) => frames(index === 0 ? 7 : 8, level));
    expect(levels).toEqual([...steps, ...frames(80 - steps.length, 9)]);
  });

  test('goes down one step for every eight frames that find the queue less than half full', () => {
    const levels = levelsOf('auto', [...frames(24, 1.5), ...frames(8, 0.5), ...frames(40, 0.49)]);
    expect(levels.slice(23)).toEqual([
      ...frames(1, 6),
      ...frames(8, 6),
      ...frames(7, 6),
      ...frames(8, 5),
      ...frames(8, 4),
      ...frames(17, 3),
    ]);
  });

  test('does not change for a moment in which the queue is full or empty', () => {
    const moments = Array.from({ length: 200 }, (_, index) => [1, 0, 0.7][index % 3]!);
    expect(new Set(levelsOf('auto', moments))).toEqual(new Set([3]));
    expect(new Set(levelsOf('auto', [...frames(7, 1), 0.7, ...frames(7, 1)]))).toEqual(new Set([3]));
  });
});

test.each([1, 3, 19])('a level of %i stays what it is', level => {
  expect(new Set(levelsOf(level, [...frames(50, 2), ...frames(50, 0)]))).toEqual(new Set([level]));
});

test('the description of levels names them in the order of the frames', () => {
  const levels = new CompressionLevels('auto');
  for (const use of frames(18, 1)) levels.next(use);
  expect(describeLevels(levels.runs)).toBe('3 (7), 4 (8), 5 (3)');
});

test('the description of levels has a bound', () => {
  const runs = Array.from({ length: 1000 }, (_, index) => ({ level: 3 + (index % 2), frames: 8 }));
  expect(describeLevels(runs)).toMatch(/^3 \(8\), (4 \(8\), 3 \(8\), ){31}4 \(8\) and 936 more changes$/);
});
