import { expect, test } from 'vitest';
import { countPieces, dataPieces } from '../../../src/archive/format/data-pieces.ts';
import type { Frame } from '../../../src/archive/format/entry.ts';

const frames: readonly Frame[] = [100, 50, 50, 10].map(rawSize => ({
  size: 1,
  rawSize,
  sha256: new Uint8Array(32),
}));

test('a file in one frame has one piece, also if its data ends with the frame', () => {
  const whole = { frame: 0, offset: 40, size: 60 };
  expect([...dataPieces(whole, frames)]).toEqual([{ ...whole, position: 0 }]);
  const part = { frame: 1, offset: 10, size: 5 };
  expect([...dataPieces(part, frames)]).toEqual([{ ...part, position: 0 }]);
  expect([whole, part].map(file => countPieces(file, frames))).toEqual([1, 1]);
});

test('a file in several frames has a piece in each: up to the end of the first, then from byte 0 on', () => {
  expect([...dataPieces({ frame: 0, offset: 90, size: 65 }, frames)]).toEqual([
    { frame: 0, offset: 90, size: 10, position: 0 },
    { frame: 1, offset: 0, size: 50, position: 10 },
    { frame: 2, offset: 0, size: 5, position: 60 },
  ]);
  expect(countPieces({ frame: 0, offset: 40, size: 61 }, frames)).toBe(2);
});

test('an entry without data has no pieces', () => {
  const empty = { frame: -1, offset: 0, size: 0 };
  expect([[...dataPieces(empty, frames)], countPieces(empty, frames)]).toEqual([[], 0]);
});
