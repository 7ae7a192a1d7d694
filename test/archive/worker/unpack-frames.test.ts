import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, StagedFileError } from '../../../src/archive/archive-errors.ts';
import { compressFrame, sha256 } from '../../../src/archive/format/codec.ts';
import { newHashKey } from '../../../src/archive/format/content-hashes.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import {
  EMPTY_PIECE,
  type UnpackJob,
  UnpackJobWriter,
  type WantedFacts,
} from '../../../src/archive/messages/unpack-job.ts';
import { unpackFrames } from '../../../src/archive/worker/unpack-frames.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { scratch } from '../../support/scratch.ts';

const attributes = { mode: 0o640, mtimeUs: 1_600_000_000_000_000, mtimeRestNs: 0, uid: -1, gid: -1 };
const raw = Buffer.from(`${'a'.repeat(512)}${'b'.repeat(512)}`);
const frame = compressFrame(raw, 3);

const NO_FACTS: WantedFacts = { status: false, contentKey: undefined };

/** A job of one frame with a whole file, a slice of a sliced one, and an empty file. */
function jobIn(directory: string, hash: Uint8Array = sha256(frame), wants = NO_FACTS): UnpackJob {
  const job = new UnpackJobWriter(1, 3);
  job.addFrame(0, { size: frame.length, rawSize: raw.length, sha256: hash });
  const whole = { frame: 0, offset: 0, size: 10, position: 0, partial: false };
  job.addPiece(whole, attributes, path.join(directory, 'whole'));
  const slice = { frame: 0, offset: 512, size: 4, position: 2, partial: true };
  job.addPiece(slice, attributes, path.join(directory, 'sliced'));
  job.addPiece(EMPTY_PIECE, attributes, path.join(directory, 'empty'));
  return job.finish(Uint8Array.from(frame), { masksModes: false, wants });
}

describe('unpackFrames', () => {
  test('writes whole files with their attributes, slices and empty files', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    expect(unpackFrames(jobIn(directory))).toMatchObject({ written: 14 });
    const content = (name: string) => readFileSync(path.join(directory, name), 'utf8');
    expect(['whole', 'sliced', 'empty'].map(content)).toEqual(['aaaaaaaaaa', '..bbbb..', '']);
    const { mtimeMs } = lstatSync(path.join(directory, 'whole'));
    expect(mtimeMs).toBe(attributes.mtimeUs / 1000);
  });

  test('returns the status of whole files and the hashes of all data, if they are wanted', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    const { status, contents } = unpackFrames(
      jobIn(directory, undefined, { status: true, contentKey: newHashKey() }),
    );
    const rows = new StatusRows(status!);
    expect([0, 1, 2].map(piece => rows.has(piece))).toEqual([true, false, true]);
    expect(rows.matches(0, lstatExact(path.join(directory, 'whole'))!)).toBe(true);
    const hashes = ['aaaaaaaaaa', 'bbbb'].map(data => sha256(Buffer.from(data)).subarray(0, 16));
    expect(Buffer.from(contents!)).toEqual(Buffer.concat([...hashes, Buffer.alloc(16)]));
  });

  test('returns neither status nor hashes, if they are not wanted', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    expect(unpackFrames(jobIn(directory))).toMatchObject({ status: undefined, contents: undefined });
  });

  test('writes nothing of a frame whose hash is wrong', () => {
    const directory = scratch();
    expect(() => unpackFrames(jobIn(directory, new Uint8Array(32)))).toThrow(DamagedArchiveError);
    expect(() => lstatSync(path.join(directory, 'whole'))).toThrow('ENOENT');
  });

  test('never replaces an existing file', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'whole'), 'old');
    expect(() => unpackFrames(jobIn(directory))).toThrow(StagedFileError);
    expect(readFileSync(path.join(directory, 'whole'), 'utf8')).toBe('old');
  });

  test.each([sha256(frame), new Uint8Array(32)])(
    'frees the memory of its frames, whole or not',
    async hash => {
      const directory = scratch();
      writeFileSync(path.join(directory, 'sliced'), '........');
      const job = jobIn(directory, hash);
      // It rejects for the wrong hash
      await new InlineRunner().run(job).catch(() => {});
      expect(job.bytes.byteLength).toBe(0);
    },
  );
});
