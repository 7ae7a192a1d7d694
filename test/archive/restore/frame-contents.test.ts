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
  const whole = { number: 0, position: 0, isSlice: false };
  const slice = { entry: 2, isSlice: true };
  expect([...contents.pieces([0])]).toEqual([
    { ...whole, entry: 0, frame: 0, offset: 0, size: 40 },
    { ...whole, entry: 1, frame: 0, offset: 40, size: 40 },
    { ...slice, number: 0, frame: 0, offset: 90, size: 10, position: 0 },
  ]);
  expect([...contents.pieces([1, 2])]).toEqual([
    { ...slice, number: 1, frame: 0, offset: 0, size: 50, position: 10 },
    { ...slice, number: 2, frame: 1, offset: 0, size: 5, position: 60 },
    { ...whole, entry: 4, frame: 1, offset: 5, size: 45 },
  ]);
  expect([contents.sliced, contents.empty]).toEqual([[2], [3]]);
  expect([contents.count([0]), contents.count([1, 2]), contents.count([])]).toEqual([3, 3, 0]);
});

test('a frame without data of wanted files has no content', () => {
  const contents = new FrameContents({ frames, entries }, index => index === 1 || index === 3);
  expect([0, 1, 2].map(frame => contents.has(frame))).toEqual([true, false, false]);
  expect([...contents.pieces([0, 1, 2])].map(({ entry }) => entry)).toEqual([1]);
  expect(contents.sliced).toEqual([]);
  const onlySliced = new FrameContents({ frames, entries }, index => index === 2);
  expect([0, 1, 2].map(frame => onlySliced.has(frame))).toEqual([true, true, true]);
});
