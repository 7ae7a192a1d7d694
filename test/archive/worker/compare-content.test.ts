import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTENT_HASH_BYTES, hasherOf, newHashKey } from '../../../src/archive/format/content-hashes.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { encodeContentJob, type HashedPiece } from '../../../src/archive/messages/content-job.ts';
import { compareContent } from '../../../src/archive/worker/compare-content.ts';
import { scratch } from '../../support/scratch.ts';

const key = newHashKey();
const hasher = await hasherOf(key);

function hashOf(content: string): Uint8Array {
  const hash = Buffer.alloc(CONTENT_HASH_BYTES);
  hasher.write(Buffer.from(content), hash, 0);
  return hash;
}

/** Writes a file, and returns the piece for its bytes from `position` on, which should be `expected`. */
function piece(content: string, expected = content, position = 0): HashedPiece {
  const file = path.join(scratch(), 'file');
  fs.writeFileSync(file, content);
  return { path: file, stats: lstatExact(file)!, position, size: expected.length, hash: hashOf(expected) };
}

const large = 'x'.repeat(10_000);

const compare = (...pieces: HashedPiece[]) => [
  ...compareContent(structuredClone(encodeContentJob(pieces, key)), hasher).isSame,
];

describe('the comparison of content', () => {
  test('finds files and slices with the same data', () => {
    expect(compare(piece('one'), piece('0123456789', '456', 4), piece(large))).toEqual([1, 1, 1]);
  });

  test('finds a file with other data between others', () => {
    expect(compare(piece('one'), piece('two', 'tWo'), piece(large, `${large.slice(1)}y`))).toEqual([1, 0, 0]);
  });

  test('counts a file as different that is shorter than the piece', () => {
    // The memory that is read into has the rest of the data from the piece before
    expect(compare(piece('01234'), piece('01', '01234'), piece('one'))).toEqual([1, 0, 1]);
  });

  test.each<[string, (file: string) => void]>([
    ['has changed its time since the scan', file => fs.utimesSync(file, 1, 1)],
    ['has changed its mode since the scan', file => fs.chmodSync(file, 0o600)],
    ['has grown since the scan', file => fs.appendFileSync(file, ' and more')],
    ['has vanished', file => fs.rmSync(file)],
    [
      'is a directory by now',
      file => {
        fs.rmSync(file);
        fs.mkdirSync(file);
      },
    ],
    [
      'is another file with the same data by now',
      file => {
        fs.copyFileSync(file, `${file}-copy`);
        fs.renameSync(`${file}-copy`, file);
      },
    ],
    [
      'is a link to a file with the same data by now',
      file => {
        fs.renameSync(file, `${file}-moved`);
        fs.symlinkSync(`${file}-moved`, file);
      },
    ],
  ])('counts a file as different that %s', (_, change) => {
    const given = piece('content');
    change(given.path);
    expect(compare(given, piece('one'))).toEqual([0, 1]);
  });
});
