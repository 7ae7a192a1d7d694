import { expect, test } from 'vitest';
import { decodeFrames, encodeFrames } from '../../../src/archive/messages/disk-request.ts';

test('the thread of the disk cache reads the sizes and hashes of the frames that the main thread wrote', () => {
  const frames = [1, 2, 2 ** 40].map((size, index) => ({ size, sha256: new Uint8Array(32).fill(index + 1) }));
  expect(decodeFrames(structuredClone(encodeFrames(frames)))).toEqual(frames);
  expect(decodeFrames(structuredClone(encodeFrames([])))).toEqual([]);
});
