import { expect, test } from 'vitest';
import { EntryType, type Frame } from '../../../src/archive/format/entry.ts';
import { FrameContents } from '../../../src/archive/restore/frame-contents.ts';
import { entryOf } from '../support/entry-of.ts';

const frames: readonly Frame[] = [100, 50, 50].map(rawSize => ({
  size: 1,
  rawSize,
  sha256: new Uint8Array(32),
}));
const file = (name: string, frame: number, offset: number, size: number) =>
  entryOf(name, EntryType.file, { frame, offset, size });
const entries = [
  file('./a', 0, 0, 40),
  file('./b', 0, 40, 40),
  file('./large', 0, 90, 65),
  file('./empty', -1, 0, 0),
  file('./last', 2, 5, 45),
];

test('each frame has its whole files and its slices of files in several frames', () => {
  const contents = new FrameContents({ frames, entries }, () => true);
  expect([0, 1, 2].map(frame => contents.whole(frame))).toEqual([[0, 1], [], [4]]);
  expect([0, 1, 2].map(frame => contents.slices(frame))).toEqual([
    [{ entry: 2, frame: 0, offset: 90, size: 10, position: 0 }],
    [{ entry: 2, frame: 1, offset: 0, size: 50, position: 10 }],
    [{ entry: 2, frame: 2, offset: 0, size: 5, position: 60 }],
  ]);
  expect(contents.sliced).toEqual([2]);
  expect([contents.countPieces([0]), contents.countPieces([1, 2]), contents.countPieces([])]).toEqual([
    3, 3, 0,
  ]);
});

test('a frame without data of wanted files has no content', () => {
  const contents = new FrameContents({ frames, entries }, index => index === 1 || index === 3);
  expect([0, 1, 2].map(frame => contents.has(frame))).toEqual([true, false, false]);
  expect([contents.whole(0), contents.sliced]).toEqual([[1], []]);
  const onlySliced = new FrameContents({ frames, entries }, index => index === 2);
  expect([0, 1, 2].map(frame => onlySliced.has(frame))).toEqual([true, true, true]);
});
