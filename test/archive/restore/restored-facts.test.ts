import { expect, test } from 'vitest';
import { CONTENT_HASH_BYTES } from '../../../src/archive/format/content-hashes.ts';
import { EntryType, type Frame } from '../../../src/archive/format/entry.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import { EMPTY_PIECE, type UnpackResult } from '../../../src/archive/messages/unpack-job.ts';
import { FrameContents } from '../../../src/archive/restore/frame-contents.ts';
import { RestoredFacts } from '../../../src/archive/restore/restored-facts.ts';
import { HEAD } from '../support/archives.ts';
import { entryOf } from '../support/entry-of.ts';

const frames: readonly Frame[] = [100, 50].map(rawSize => ({ size: 1, rawSize, sha256: new Uint8Array(32) }));
const entries = [
  entryOf('./empty', EntryType.file),
  entryOf('./large', EntryType.file, { frame: 0, offset: 50, size: 80 }),
  entryOf('./small', EntryType.file, { frame: 0, offset: 0, size: 50 }),
  entryOf('./tail', EntryType.file, { frame: 1, offset: 30, size: 20 }),
  entryOf('./void', EntryType.file),
];
const manifest = { head: HEAD, frames, entries };
const contents = new FrameContents({ frames, entries }, () => true);

/** The result of a job whose pieces have the inodes, and the bytes of hashes, of these numbers. */
function resultOf(...pieces: number[]): UnpackResult {
  const rows = StatusRows.of(pieces.length);
  const hashes = Buffer.from(new ArrayBuffer(pieces.length * CONTENT_HASH_BYTES));
  pieces.forEach((number, piece) => {
    rows.values.fill(BigInt(number), piece * 8, (piece + 1) * 8);
    hashes.fill(number, piece * CONTENT_HASH_BYTES, (piece + 1) * CONTENT_HASH_BYTES);
  });
  return { status: rows.values, contents: hashes } as Partial<UnpackResult> as UnpackResult;
}

/** The number in the status of each entry, 0 if it has none. */
const statusOf = ({ rows }: RestoredFacts) => entries.map((_, entry) => Number(rows.values[entry * 8]));

test('the facts of each file are those of its piece', () => {
  const facts = new RestoredFacts(manifest, true);
  const empty = { ...EMPTY_PIECE, number: 0 };
  facts.add(
    [
      { ...empty, entry: 4 },
      { ...empty, entry: 0 },
    ],
    resultOf(1, 9),
  );
  facts.add(contents.pieces([1]), resultOf(5, 6));
  facts.add(contents.pieces([0]), resultOf(7, 8));
  // A file in several frames gets its status when it is complete
  expect(statusOf(facts)).toEqual([9, 0, 8, 6, 1]);
  const hash = (entry: number, piece: number) => facts.contents!.get(entry, piece)[0];
  expect([hash(2, 0), hash(3, 0), hash(1, 0), hash(1, 1)]).toEqual([8, 6, 7, 5]);
});

test('the pieces of several frames follow each other in the result of one job', () => {
  const facts = new RestoredFacts(manifest, true);
  facts.add(contents.pieces([0, 1]), resultOf(1, 2, 3, 4));
  expect(statusOf(facts)).toEqual([0, 0, 2, 4, 0]);
  expect([facts.contents!.get(1, 0)[0], facts.contents!.get(1, 1)[0]]).toEqual([1, 3]);
});

test('without a wish for contents, only the status of files is kept', () => {
  const facts = new RestoredFacts(manifest, false);
  facts.add(contents.pieces([0]), resultOf(7, 8));
  expect([facts.contents, statusOf(facts)]).toEqual([undefined, [0, 0, 8, 0, 0]]);
});
