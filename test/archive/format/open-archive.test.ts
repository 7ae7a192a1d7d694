import { beforeAll, expect, test } from 'vitest';
import type { Manifest } from '../../../src/archive/format/entry.ts';
import { openArchive } from '../../../src/archive/format/open-archive.ts';
import { tailOf } from '../support/archives.ts';
import { bent, data, tree } from '../support/refuses.ts';

const object = bent(tree({ name: 'a', data }));
/** Header of the manifest's frame, which begins 8 bytes before its mark. */
const manifestStart = object.lastIndexOf('CS3M') - 8;
/** The footer, the header and two frames. */
const TABLE_BYTES = 17 + 2 * 8;

/** Opens the object from its last `tailBytes`. Returns the archive, and the ranges that were read. */
async function open(tailBytes: number) {
  const reads: [number, number][] = [];
  const archive = await openArchive(tailOf(object, tailBytes), object.length, async (start, end) => {
    reads.push([start, end]);
    return Uint8Array.from(object.subarray(start, end));
  });
  return { archive, reads };
}

let expected: Manifest;
beforeAll(async () => {
  expected = (await open(object.length)).archive.manifest;
});

test.each<[string, number, [number, number][]]>([
  ['the whole object', object.length, []],
  ['the manifest and no byte more', object.length - manifestStart, []],
  [
    'all but one byte of the manifest',
    object.length - manifestStart - 1,
    [[manifestStart, manifestStart + 1]],
  ],
  ['the seek table alone', TABLE_BYTES, [[manifestStart, object.length - TABLE_BYTES]]],
  [
    'the footer of the seek table alone',
    9,
    [
      [object.length - TABLE_BYTES, object.length - 9],
      [manifestStart, object.length - TABLE_BYTES],
    ],
  ],
])(
  'an archive whose known bytes are %s is opened by reading only the bytes that are missing',
  async (_, known, ranges) => {
    const { archive, reads } = await open(known);
    expect(reads).toEqual(ranges);
    expect(archive.manifest).toEqual(expected);
    const start = Math.min(manifestStart, object.length - known);
    expect(archive).toMatchObject({ manifestStart, tail: { start } });
    expect(Buffer.from(archive.tail.bytes).equals(object.subarray(start))).toBe(true);
    const frame = object.subarray(manifestStart, object.length - TABLE_BYTES);
    expect(Buffer.from(archive.manifestBytes).equals(frame)).toBe(true);
  },
);

test('an error of a read of the object is thrown as it is', async () => {
  const error = new Error('the connection was lost');
  const attempt = openArchive(tailOf(object, 9), object.length, () => Promise.reject(error));
  await expect(attempt).rejects.toBe(error);
});
