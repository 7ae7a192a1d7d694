import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, UnusableArchiveError } from '../../../../src/archive/archive-errors.ts';
import { type Entry, EntryType } from '../../../../src/archive/format/entry.ts';
import { decodeManifest } from '../../../../src/archive/format/manifest/manifest-reader.ts';
import { MAX_MTIME_US } from '../../../../src/archive/fs/file-times.ts';
import { HEAD } from '../../support/archives.ts';
import { encodeManifest } from '../../support/encode-manifest.ts';
import { entryOf } from '../../support/entry-of.ts';

const frame = (fill: number) => ({
  size: 1000 + fill,
  rawSize: 4_194_304 + fill,
  sha256: Buffer.alloc(32, fill),
});

const entries: Entry[] = [
  entryOf('./a/', EntryType.directory, {
    mode: 0o1777,
    mtimeUs: 1_600_000_000_123_456,
    mtimeRestNs: 999,
    uid: 0,
    gid: 4_000_000_000,
  }),
  entryOf('./a/b', EntryType.file, { mode: 0o4755, mtimeUs: 0, size: 10, frame: 0, offset: 512 }),
  entryOf('./a/c/', EntryType.directory, { mode: 0, mtimeUs: MAX_MTIME_US }),
  entryOf('./a/c/\udcff\udc80', EntryType.file, {
    mode: 0o444,
    mtimeUs: 5,
    size: 9_000_000,
    frame: 0,
    offset: 1536,
  }),
  entryOf('./a/c/ü', EntryType.symlink, { mode: 0o777, mtimeUs: 1, target: '\udcffnot utf-8' }),
  entryOf('./a/d', EntryType.hardLink, { mode: 0o4755, mtimeUs: 0, linkTo: 1 }),
  entryOf('./a/e', EntryType.file, { mode: 0o644, mtimeUs: 7, size: 1, frame: 1, offset: 512 }),
  entryOf('/gnu/store/', EntryType.directory, { mode: 0o755, mtimeUs: 7 }),
  entryOf('/gnu/store/x', EntryType.file, { mode: 0o644, mtimeUs: 7 }),
  entryOf('~/', EntryType.directory, { mode: 0o755, mtimeUs: 7 }),
  entryOf('~/x', EntryType.file, { mode: 0o644, mtimeUs: 7 }),
];

describe('a manifest', () => {
  test('a decoded manifest equals the encoded one', async () => {
    const manifest = {
      head: { ...HEAD, origin: { sha: 'ü\n"' }, paths: ['a', '!b'] },
      frames: [frame(1), frame(2)],
      entries,
    };
    const { head, frames, entries: found } = await decodeManifest(encodeManifest(manifest));
    expect(head).toEqual(manifest.head);
    expect(frames.map(({ sha256, ...rest }) => ({ ...rest, sha256: Buffer.from(sha256) }))).toEqual(
      manifest.frames,
    );
    expect(found).toEqual(entries);
  });

  test('a manifest of no entries and of a single file can be decoded', async () => {
    expect((await decodeManifest(encodeManifest({ head: HEAD, frames: [], entries: [] }))).entries).toEqual(
      [],
    );
    const one = [entries[1]!].map(entry => ({ ...entry, name: './b' }));
    expect(
      (await decodeManifest(encodeManifest({ head: HEAD, frames: [frame(0)], entries: one }))).entries,
    ).toEqual(one);
  });
});

test('an inverted bit of a manifest is detected or changes nothing', async () => {
  const manifest = { head: HEAD, frames: [frame(1), frame(2)], entries };
  const whole = encodeManifest(manifest);
  const expected = await decodeManifest(whole);
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bent = Buffer.from(whole);
    bent[bit >> 3]! ^= 1 << (bit & 7);
    if (!(await isSeenOrHarmless(bent, expected))) expect.fail(`bit ${bit & 7} of byte ${bit >> 3}`);
  }
});

async function isSeenOrHarmless(bent: Buffer, expected: unknown): Promise<boolean> {
  try {
    return isDeepStrictEqual(await decodeManifest(bent), expected);
  } catch (error) {
    return error instanceof DamagedArchiveError || error instanceof UnusableArchiveError;
  }
}
