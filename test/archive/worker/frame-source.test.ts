import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { framePath } from '../../../src/archive/disk-cache/frame-files.ts';
import { compressFrame, sha256 } from '../../../src/archive/format/codec.ts';
import { type DiskUse, UnpackJobWriter, UnpackPieces } from '../../../src/archive/messages/unpack-job.ts';
import { FrameSource } from '../../../src/archive/worker/frame-source.ts';
import { birthTimes, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { makeClaim, putFrame, type TestFrame } from '../disk-cache/support.ts';

const raws = ['one', 'two'].map(word => Buffer.from(word.repeat(100)));
const frames: TestFrame[] = raws.map(raw => {
  const bytes = compressFrame(raw, 3);
  return { bytes, size: bytes.length, sha256: sha256(bytes) };
});

/** The source of a job with these frames, whose bytes come with it, or are in the disk cache. */
function sourceOf(disk?: DiskUse, bytes = Buffer.concat(frames.map(frame => frame.bytes))) {
  const job = new UnpackJobWriter(2, 0);
  job.addFrame(0, { ...frames[0]!, rawSize: raws[0]!.length });
  job.addFrame(frames[0]!.size, { ...frames[1]!, rawSize: raws[1]!.length });
  const wants = { status: false, contentKey: undefined };
  return new FrameSource(
    new UnpackPieces(job.finish(Uint8Array.from(bytes), { masksModes: false, wants })),
    disk,
  );
}

test('a frame that came with the job is checked and decompressed', () => {
  const source = sourceOf();
  expect([source.open(1), source.open(0)]).toEqual([raws[1], raws[0]]);
  expect(source).toMatchObject({ missing: [], stored: 0, storeProblem: undefined });
  const swapped = sourceOf(undefined, Buffer.concat([frames[0]!.bytes, Buffer.alloc(frames[1]!.size)]));
  expect(() => swapped.open(1)).toThrow(DamagedArchiveError);
});

describe('with a disk cache', requires(birthTimes), () => {
  test('a frame is read from it, and one that it does not have is missing', () => {
    const directory = scratch();
    putFrame(directory, frames[1]!);
    const source = sourceOf({ directory }, Buffer.alloc(0));
    expect([source.open(0), source.open(1)]).toEqual([undefined, raws[1]]);
    expect(source.missing).toEqual([0]);
  });

  test('a frame that came with the job is stored if this job has claimed it, and no other frame is', () => {
    const directory = scratch();
    const { claim } = makeClaim(directory, frames[1]!);
    const source = sourceOf({ directory, claims: [undefined, claim] });
    expect([source.open(0), source.open(1)]).toEqual(raws);
    expect(source).toMatchObject({ missing: [], stored: frames[1]!.size, storeProblem: undefined });
    expect(readdirSync(directory)).toHaveLength(1);
    expect(existsSync(framePath(directory, frames[1]!))).toBe(true);
  });

  test('a damaged frame is not stored', () => {
    const directory = scratch();
    const { claim } = makeClaim(directory, frames[1]!);
    const damaged = Buffer.concat([frames[0]!.bytes, Buffer.alloc(frames[1]!.size)]);
    expect(() => sourceOf({ directory, claims: [undefined, claim] }, damaged).open(1)).toThrow(
      DamagedArchiveError,
    );
    expect(existsSync(framePath(directory, frames[1]!))).toBe(false);
  });

  test('a frame that cannot be stored is used all the same, and the first problem is reported', () => {
    const directory = join(scratch(), 'cache');
    const claims = frames.map(() => ({ name: 'no-such-claim', inode: '1' }));
    rmSync(directory, { force: true });
    const source = sourceOf({ directory, claims });
    expect([source.open(0), source.open(1)]).toEqual(raws);
    expect(source.stored).toBe(0);
  });
});
