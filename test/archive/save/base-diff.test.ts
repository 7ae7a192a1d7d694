import { describe, expect, test } from 'vitest';
import { BaseOutgrownError } from '../../../src/archive/archive-errors.ts';
import { type Entry, EntryType, type Frame, type Manifest } from '../../../src/archive/format/entry.ts';
import type { FileStatus } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import { BaseDiff } from '../../../src/archive/save/base-diff.ts';
import { type BaseArchive, isWorthReusing } from '../../../src/archive/save/reuse-estimate.ts';
import { MiB } from '../../support/sizes.ts';
import { HEAD } from '../support/archives.ts';
import { usePlatform } from '../support/platform.ts';

const second = 1_600_000_000_000_000;

/** The diff, and the share of dead bytes, are arithmetic over manifests: no file is read here. */

interface Thing {
  readonly name: string;
  readonly type?: EntryType;
  readonly size?: number;
  readonly frame?: number;
  readonly offset?: number;
  readonly linkTo?: string;
}

const status = {
  ...{ mode: 0o644n, nlink: 1n, uid: 0n, gid: 0n, dev: 1n, ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n },
} as unknown as NonNullable<FileStatus['exact']>;
const attributesOf = (type: EntryType) => ({
  mode: type === EntryType.directory ? 0o755 : 0o644,
  uid: 0,
  gid: 0,
});
const stats = { exact: status } as FileStatus;

function baseOf(things: readonly Thing[], frames: readonly Pick<Frame, 'size' | 'rawSize'>[]) {
  const entries = things.map(
    ({ name, type = EntryType.file, size = 0, frame = -1, offset = 0, linkTo }): Entry => ({
      ...{ name, type, size, frame, offset, mtimeUs: second, mtimeRestNs: 0, target: '' },
      ...attributesOf(type),
      linkTo: linkTo === undefined ? -1 : things.findIndex(thing => thing.name === linkTo),
    }),
  );
  const manifest: Manifest = {
    head: HEAD,
    frames: frames.map(frame => ({ ...frame, sha256: new Uint8Array(32) })),
    entries,
  };
  const rows = StatusRows.of(entries.length);
  for (const index of entries.keys()) rows.set(index, status);
  return { manifest, rows, contents: undefined };
}

/** Makes the scan of these entries, untouched except for those in `changed`. */
function found(things: readonly Thing[], changed: readonly string[] = []): ScannedEntry[] {
  return things.map(({ name, type = EntryType.file, size = 0, linkTo }) => ({
    ...{ name, type, path: `/${name}`, linkName: linkTo ?? '', size, ...attributesOf(type) },
    ...(type === EntryType.file && { inode: { dev: 1n, ino: 1n } }),
    mtimeUs: size > 0 ? 0 : changed.includes(name) ? second + 1 : second,
    mtimeRestNs: 0,
    stats: {
      ...stats,
      ...(changed.includes(name) && { exact: { ...status, ctimeNs: 2n } as typeof status }),
    },
  }));
}

/** Compares a scan with the base. */
function compare(scanned: readonly ScannedEntry[], base: BaseArchive) {
  const diff = new BaseDiff(base);
  const changed = scanned.flatMap(thing => [...diff.next(thing, diff.advanceTo(thing.name), false)]);
  const reused = [...diff.reused()].map(({ entry }) => entry);
  return { changed, reused, ...diff.usage() };
}

const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

/** Ten files of 1 MiB in two frames that shrink to a half, each with its header of one block. */
const ten = Array.from({ length: 10 }, (_, index) => ({
  name: `f${index}`,
  size: MiB,
  frame: Math.floor(index / 5),
  offset: 512 + (index % 5) * (MiB + 512),
}));
const twoFrames = [0, 1].map(() => ({ size: 2.5 * MiB, rawSize: 5 * (MiB + 512) }));

describe('the share of dead bytes of a base', () => {
  test('an unchanged tree has no dead bytes', () => {
    const division = compare(found(ten), baseOf(ten, twoFrames));
    expect(division).toMatchObject({ regionBytes: 5 * MiB, deadBytes: 0, changed: [] });
    expect(isWorthReusing(division)).toBe(true);
  });

  test.each([
    [['f0', 'f9'], 0.2, true],
    [['f0', 'f1', 'f2'], 0.3, false],
  ])('with %j changed, a share of %d of the region is dead', (changed, share, worth) => {
    const division = compare(found(ten, changed), baseOf(ten, twoFrames));
    expect(names(division.changed)).toEqual(changed);
    expect(division.deadBytes / division.regionBytes).toBeCloseTo(share, 6);
    expect(isWorthReusing(division)).toBe(worth);
  });

  test('the bytes of a deleted file are dead', () => {
    const division = compare(found(ten.slice(3)), baseOf(ten, twoFrames));
    expect(division.deadBytes / division.regionBytes).toBeCloseTo(0.3, 6);
  });
});

test('a file without a recorded status is packed even if its attributes are unchanged', () => {
  const base = baseOf(ten, twoFrames);
  base.rows.clear(4);
  expect(names(compare(found(ten), base).changed)).toEqual(['f4']);
});

test('a hard link is packed again when its first name is', () => {
  const things: Thing[] = [
    { name: 'a', size: MiB, frame: 0, offset: 512 },
    { name: 'b', type: EntryType.hardLink, linkTo: 'a' },
    { name: 'c', size: MiB, frame: 0, offset: MiB + 1024 },
    { name: 'd', type: EntryType.hardLink, linkTo: 'c' },
  ];
  const base = baseOf(things, [{ size: 6 * MiB, rawSize: 2 * MiB + 2048 }]);
  expect(names(compare(found(things, ['c']), base).changed)).toEqual(['c', 'd']);
});

test('a directory is packed right before the first changed entry in it', () => {
  const things: Thing[] = [
    { name: 'd/', type: EntryType.directory },
    { name: 'd/e/', type: EntryType.directory },
    { name: 'd/e/f', size: MiB, frame: 0, offset: 512 },
    { name: 'g/', type: EntryType.directory },
  ];
  const base = baseOf(things, [{ size: 6 * MiB, rawSize: MiB + 512 }]);
  const { changed, reused } = compare(found(things, ['d/e/f']), base);
  expect(names(changed)).toEqual(['d/e/', 'd/e/f']);
  expect(names(reused)).toEqual(['d/', 'g/']);
});

test('a directory with several changed entries is packed once', () => {
  const things: Thing[] = [
    { name: 'd/', type: EntryType.directory },
    { name: 'd/e/', type: EntryType.directory },
    { name: 'd/e/f', size: MiB, frame: 0, offset: 512 },
    { name: 'd/g', size: MiB, frame: 0, offset: MiB + 1024 },
    { name: 'd/h', size: MiB, frame: 0, offset: 2 * MiB + 1536 },
  ];
  const base = baseOf(things, [{ size: 6 * MiB, rawSize: 3 * MiB + 2048 }]);
  const added = { ...found(things)[4]!, name: 'd/e2/', type: EntryType.directory, size: 0 };
  const scanned = found(things, ['d/e/f', 'd/g', 'd/h']).toSpliced(3, 0, added);
  const { changed, reused } = compare(scanned, base);
  expect(names(changed)).toEqual(['d/e/', 'd/e/f', 'd/', 'd/e2/', 'd/g', 'd/h']);
  expect(reused).toEqual([]);
});

test('the diff fails when a file takes the place of a directory', () => {
  const things: Thing[] = [
    { name: 'd/', type: EntryType.directory },
    { name: 'e', size: MiB, frame: 0, offset: 512 },
  ];
  const base = baseOf(things, [{ size: 6 * MiB, rawSize: MiB + 512 }]);
  const [, e] = found(things);
  expect(() => compare([{ ...e!, name: 'd' }, e!], base)).toThrow(BaseOutgrownError);
  expect(compare([e!], base).changed).toEqual([]);
});

test('on Windows, unchanged files and directories keep the modes that another system has saved', () => {
  usePlatform({ hasModes: false });
  const things = [{ name: 'd/', type: EntryType.directory }, { name: 'd/empty' }, ...ten];
  const base = baseOf(things, twoFrames);
  const entries = base.manifest.entries.map(entry => ({ ...entry, mode: 0o750 }));
  const division = compare(found(things), { ...base, manifest: { ...base.manifest, entries } });
  expect(division.changed).toEqual([]);
  // The times of these files differ too, as after a touch
  expect(division.reused.map(({ mode }) => mode)).toEqual(things.map(() => 0o750));
});
