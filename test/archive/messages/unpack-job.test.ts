import { expect, test } from 'vitest';
import {
  EMPTY_PIECE,
  frameOf,
  readPieces,
  UnpackJobWriter,
} from '../../../src/archive/messages/unpack-job.ts';

const wants = { contentKey: undefined };
const attributes = { mode: 0o640, mtimeUs: 2, mtimeRestNs: 7 ** 51, uid: 1, gid: -1 };

test('a worker reads the frames and pieces that the main thread wrote into an unpack job', () => {
  const writer = new UnpackJobWriter(3);
  const hashes = [1, 2].map(byte => new Uint8Array(32).fill(byte));
  writer.addFrame(0, { size: 3, rawSize: 1024, sha256: hashes[0]! });
  const whole = { frame: 0, offset: 512, size: 5, position: 0, isSlice: false };
  writer.addPiece(whole, attributes, '/staging/a');
  writer.addFrame(5, { size: 2, rawSize: 2048, sha256: hashes[1]! });
  const slice = { frame: 1, offset: 0, size: 2048, position: 2 ** 40, isSlice: true };
  writer.addPiece(slice, attributes, '/staging/b');
  writer.addPiece(EMPTY_PIECE, attributes, '/staging/c');
  const job = structuredClone(writer.finish(Uint8Array.of(1, 2, 3, 4, 5, 6, 7), { masksModes: true, wants }));

  expect([...readPieces(job)]).toEqual([
    { path: '/staging/a', ...whole, ...attributes },
    { path: '/staging/b', ...slice, ...attributes },
    { path: '/staging/c', ...EMPTY_PIECE, ...attributes },
  ]);
  const [first, second] = hashes;
  expect(frameOf(job, 0)).toEqual({ bytes: Uint8Array.of(1, 2, 3), size: 3, rawSize: 1024, sha256: first });
  expect(frameOf(job, 1)).toEqual({ bytes: Uint8Array.of(6, 7), size: 2, rawSize: 2048, sha256: second });
});
