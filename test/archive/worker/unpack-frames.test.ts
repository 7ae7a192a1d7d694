import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, StagedFileError } from '../../../src/archive/archive-errors.ts';
import { framePath } from '../../../src/archive/disk-cache/frame-files.ts';
import { compressFrame, sha256 } from '../../../src/archive/format/codec.ts';
import { CONTENT_HASH_BYTES, hasherOf, newHashKey } from '../../../src/archive/format/content-hashes.ts';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import {
  type DiskUse,
  EMPTY_PIECE,
  type UnpackJob,
  UnpackJobWriter,
  type WantedFacts,
} from '../../../src/archive/messages/unpack-job.ts';
import { unpackFrames } from '../../../src/archive/worker/unpack-frames.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { birthTimes, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { makeClaim, putFrame, type TestFrame } from '../disk-cache/support.ts';

const attributes = { mode: 0o640, mtimeUs: 1_600_000_000_000_000, mtimeRestNs: 0, uid: -1, gid: -1 };
const raw = Buffer.from(`${'a'.repeat(512)}${'b'.repeat(512)}`);
const frame = compressFrame(raw, 3);

/** A job of one frame with a whole file, a slice of a sliced one, and an empty file. */
function jobIn(directory: string, hash: Uint8Array = sha256(frame), wants?: WantedFacts): UnpackJob {
  const job = new UnpackJobWriter(3);
  job.addFrame(0, { size: frame.length, rawSize: raw.length, sha256: hash });
  const whole = { frame: 0, offset: 0, size: 10, position: 0, isSlice: false };
  job.addPiece(whole, attributes, path.join(directory, 'whole'));
  const slice = { frame: 0, offset: 512, size: 4, position: 2, isSlice: true };
  job.addPiece(slice, attributes, path.join(directory, 'sliced'));
  job.addPiece(EMPTY_PIECE, attributes, path.join(directory, 'empty'));
  return job.finish(Uint8Array.from(frame), { masksModes: false, wants });
}

describe('unpackFrames', () => {
  test('writes whole files with their attributes, slices and empty files', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    expect(unpackFrames(jobIn(directory), undefined)).toMatchObject({ written: 14 });
    const content = (name: string) => readFileSync(path.join(directory, name), 'utf8');
    expect(['whole', 'sliced', 'empty'].map(content)).toEqual(['aaaaaaaaaa', '..bbbb..', '']);
    const { mtimeMs } = lstatSync(path.join(directory, 'whole'));
    expect(mtimeMs).toBe(attributes.mtimeUs / 1000);
  });

  test('returns the status of whole files and the hashes of all data, if they are wanted', async () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    const contentKey = newHashKey();
    const hasher = await hasherOf(contentKey);
    const { status, contents } = unpackFrames(jobIn(directory, undefined, { contentKey }), hasher);
    const rows = new StatusRows(status!);
    expect([0, 1, 2].map(piece => rows.has(piece))).toEqual([true, false, true]);
    expect(rows.matches(0, lstatExact(path.join(directory, 'whole'))!)).toBe(true);
    const hashes = Buffer.alloc(3 * CONTENT_HASH_BYTES);
    for (const [piece, data] of ['aaaaaaaaaa', 'bbbb'].entries())
      hasher.write(Buffer.from(data), hashes, piece * CONTENT_HASH_BYTES);
    expect(Buffer.from(contents!)).toEqual(hashes);
  });

  test('returns neither status nor hashes, if they are not wanted', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    expect(unpackFrames(jobIn(directory), undefined)).toMatchObject({
      status: undefined,
      contents: undefined,
    });
  });

  test('writes nothing of a frame whose hash is wrong', () => {
    const directory = scratch();
    expect(() => unpackFrames(jobIn(directory, new Uint8Array(32)), undefined)).toThrow(DamagedArchiveError);
    expect(() => lstatSync(path.join(directory, 'whole'))).toThrow('ENOENT');
  });

  test('writes empty files of a job without frames', () => {
    const file = path.join(scratch(), 'empty');
    const job = new UnpackJobWriter(1);
    job.addPiece(EMPTY_PIECE, attributes, file);
    unpackFrames(job.finish(new Uint8Array(0), { masksModes: false }), undefined);
    expect(lstatSync(file).size).toBe(0);
  });

  test('writes no block of zeros of a slice, and the data between two of them at once', () => {
    const block = 64 * 1024;
    const content = Buffer.alloc(5 * block);
    content.fill('a', 0, block);
    content.fill('b', 2 * block, 4 * block);
    const bytes = compressFrame(content, 3);
    const file = path.join(scratch(), 'sliced');
    writeFileSync(file, Buffer.alloc(10 + content.length));
    const job = new UnpackJobWriter(1);
    job.addFrame(0, { size: bytes.length, rawSize: content.length, sha256: sha256(bytes) });
    const slice = { frame: 0, offset: 0, size: content.length, position: 10, isSlice: true };
    job.addPiece(slice, attributes, file);
    const written: unknown[] = [];
    instead(
      'writeSync',
      call =>
        ((...options: [number, Uint8Array, number, number, number]) => {
          written.push([options[4], options[3]]);
          return call(...options);
        }) as typeof call,
    );
    unpackFrames(job.finish(Uint8Array.from(bytes), { masksModes: false }), undefined);
    expect(written).toEqual([
      [10, block],
      [10 + 2 * block, 2 * block],
    ]);
    expect(readFileSync(file).subarray(10).equals(content)).toBe(true);
  });

  test('never replaces an existing file', () => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'whole'), 'old');
    expect(() => unpackFrames(jobIn(directory), undefined)).toThrow(StagedFileError);
    expect(readFileSync(path.join(directory, 'whole'), 'utf8')).toBe('old');
  });

  test.each([
    ['has done its job', sha256(frame)],
    ['has found a wrong hash', new Uint8Array(32)],
  ])('frees the memory of its frames when it %s', async (_, hash) => {
    const directory = scratch();
    writeFileSync(path.join(directory, 'sliced'), '........');
    const job = jobIn(directory, hash);
    // It rejects for the wrong hash
    await new InlineRunner().run(job).catch(() => {});
    expect(job.bytes.byteLength).toBe(0);
  });
});

describe('unpackFrames with a disk cache', requires(birthTimes), () => {
  const raws = ['one', 'two'].map(word => Buffer.from(word.repeat(100)));
  const frames: TestFrame[] = raws.map(data => {
    const bytes = compressFrame(data, 3);
    return { bytes, size: bytes.length, sha256: sha256(bytes) };
  });
  const allBytes = Buffer.concat(frames.map(({ bytes }) => bytes));

  /** Unpacks a file out of each frame, whose bytes come with the job, or are in the disk cache. Returns the files too. */
  function unpackWith(disk: DiskUse, bytes = allBytes) {
    const directory = scratch();
    const job = new UnpackJobWriter(2);
    frames.forEach((each, index) => {
      const size = raws[index]!.length;
      job.addFrame(index * frames[0]!.size, { ...each, rawSize: size });
      const piece = { frame: index, offset: 0, size, position: 0, isSlice: false };
      job.addPiece(piece, attributes, path.join(directory, String(index)));
    });
    const result = unpackFrames(job.finish(Uint8Array.from(bytes), { masksModes: false, disk }), undefined);
    const files = readdirSync(directory).map(name => readFileSync(path.join(directory, name)));
    return { ...result, files };
  }

  test('reads a frame from it, and writes nothing of a frame that it does not have', () => {
    const directory = scratch();
    putFrame(directory, frames[1]!);
    expect(unpackWith({ directory }, Buffer.alloc(0))).toMatchObject({
      files: [raws[1]],
      written: raws[1]!.length,
      missing: [0],
      stored: 0,
    });
  });

  test('stores a frame that came with the job if this process has claimed it, and no other frame', () => {
    const directory = scratch();
    const { claim } = makeClaim(directory, frames[1]!);
    expect(unpackWith({ directory, claims: [undefined, claim] })).toMatchObject({
      files: raws,
      missing: [],
      stored: frames[1]!.size,
      storeProblem: undefined,
    });
    expect(readdirSync(directory)).toEqual([path.basename(framePath(directory, frames[1]!))]);
  });

  test('does not store a damaged frame', () => {
    const directory = scratch();
    const { claim, file } = makeClaim(directory, frames[1]!);
    const damaged = Buffer.concat([frames[0]!.bytes, Buffer.alloc(frames[1]!.size)]);
    expect(() => unpackWith({ directory, claims: [undefined, claim] }, damaged)).toThrow(DamagedArchiveError);
    expect(readdirSync(directory)).toEqual([path.basename(file)]);
  });

  test('uses frames whose claims another process has taken over, and reports no problem', () => {
    const claims = frames.map(() => ({ name: 'no-such-claim', inode: '1' }));
    expect(unpackWith({ directory: scratch(), claims })).toMatchObject({
      files: raws,
      stored: 0,
      storeProblem: undefined,
    });
  });

  test('uses frames that cannot be stored, and reports the code of the first error', () => {
    const directory = scratch();
    const claims = frames.map(each => makeClaim(directory, each).claim);
    const codes = ['ENOSPC', 'EIO'];
    instead('renameSync', () => from => {
      throw failed(codes.shift()!, from);
    });
    expect(unpackWith({ directory, claims })).toMatchObject({
      files: raws,
      stored: 0,
      storeProblem: 'ENOSPC',
    });
    expect(codes).toEqual([]);
  });
});
