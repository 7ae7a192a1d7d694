import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONTENT_HASH_BYTES } from '../../../src/archive/format/content-hashes.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { encodeContentJob, readHashedPieces } from '../../../src/archive/messages/content-job.ts';
import { scratch } from '../../support/scratch.ts';

test('a worker reads the pieces that the main thread wrote into a content job', () => {
  const directory = scratch();
  const pieces = ['a', 'b'].map((name, index) => {
    const path = join(directory, name);
    writeFileSync(path, name);
    const hash = new Uint8Array(CONTENT_HASH_BYTES).fill(index + 1);
    return { path, stats: lstatExact(path)!, position: index * 2 ** 40, size: 7 + index, hash };
  });
  const key = Uint8Array.of(1, 2, 3);
  const job = structuredClone(encodeContentJob(pieces, key));
  const read = [...readHashedPieces(job)];
  expect(job.key).toEqual(key);
  expect(read).toMatchObject(pieces.map(({ stats: _, ...piece }) => piece));
  const [first, second] = pieces.map(({ stats }) => stats);
  expect([read[0]!.isUntouched(first!), read[1]!.isUntouched(second!)]).toEqual([true, true]);
  expect(read[1]!.isUntouched(first!)).toBe(false);
});
