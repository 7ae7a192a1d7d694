import { describe, expect, test } from 'vitest';
import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';
import { decodeManifest } from '../../../src/archive/format/manifest/manifest-reader.ts';
import type { FileStatus } from '../../../src/archive/fs/file-status.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import {
  type FramePlan,
  type Omission,
  type Packed,
  type PackResult,
  packedRows,
  writePacked,
} from '../../../src/archive/messages/pack-job.ts';
import { ManifestBuilder, type ManifestEntry } from '../../../src/archive/save/manifest-builder.ts';
import { SaveNotices } from '../../../src/archive/scan/save-notices.ts';
import { HEAD } from '../support/archives.ts';

const stats = { mode: 0o644, nlink: 1, uid: 0, gid: 0 } as FileStatus;

function thing(name: string, overrides: Partial<ScannedEntry> = {}): ScannedEntry {
  return {
    ...{
      name,
      path: `/${name}`,
      type: EntryType.file,
      stats,
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtimeUs: 7,
      mtimeRestNs: 0,
      size: 3,
      linkName: '',
    },
    ...overrides,
  };
}

/** Makes a worker's result for members with data at these offsets, or without data. */
function packed(...offsets: (number | Omission)[]): PackResult {
  return resultOf(offsets.map(offset => (typeof offset === 'string' ? offset : { ...ANY, offset })));
}

const ANY: Packed = { offset: 0, size: 3, mtimeUs: 11, mtimeRestNs: 0, mode: 0o600, wasReplaced: false };

function resultOf(members: readonly (Packed | Omission)[]): PackResult {
  const rows = packedRows(members.length);
  for (const [index, member] of members.entries()) writePacked(rows, index, member);
  return { bytes: new Uint8Array(50), rawSize: 1024, sha256: new Uint8Array(32), packed: rows };
}

function builderOf(frames?: number): ManifestBuilder {
  const old = { size: 1, rawSize: 1, sha256: new Uint8Array(32) };
  return new ManifestBuilder(new SaveNotices(), frames === undefined ? undefined : Array(frames).fill(old));
}

/** Decodes the manifest that is built. */
async function entriesOf(
  builder: ManifestBuilder,
  reused: readonly ManifestEntry[] = [],
): Promise<readonly Entry[]> {
  const { manifest, entries } = builder.finish(HEAD, reused);
  const decoded = (await decodeManifest(Buffer.from(manifest))).entries;
  expect(decoded).toHaveLength(entries);
  return decoded;
}

const whole = (...members: ScannedEntry[]): FramePlan => ({ members, slice: undefined });

/** Makes an unchanged entry, a file with its data in frame 1 of the base. */
function old(name: string, overrides: Partial<Entry> = {}, linkName = ''): ManifestEntry {
  const place = name.endsWith('/') ? { size: 0, frame: -1, offset: 0 } : { size: 3, frame: 1, offset: 512 };
  const type = name.endsWith('/') ? EntryType.directory : EntryType.file;
  const owner = { uid: 0, gid: 0 };
  const rest = { mode: 0o644, mtimeUs: 7, mtimeRestNs: 0, target: '', linkTo: -1 };
  return {
    entry: { name, type, ...place, ...owner, ...rest, ...overrides },
    linkName,
    isLinkable: name === 'a',
  };
}

test('packed and reused entries become one list in byte order, each with the place of its data', async () => {
  const builder = builderOf(2);
  builder.add(whole(thing('b'), thing('c/c')), packed(512, 1536));
  builder.add(whole(thing('f')), packed(1536));
  // A directory with a new entry is packed after other entries below it
  builder.add(whole(thing('b/', { type: EntryType.directory })), packed(512));
  expect(builder.frames).toHaveLength(5);
  const reused = ['a', 'c/', 'c/d', 'é'].map(name => old(name));
  expect((await entriesOf(builder, reused)).map(({ name, frame, offset }) => [name, frame, offset])).toEqual([
    ['a', 1, 512],
    ['b', 2, 512],
    ['b/', 4, 512],
    ['c/', -1, 0],
    ['c/c', 2, 1536],
    ['c/d', 1, 512],
    ['f', 3, 1536],
    ['é', 1, 512],
  ]);
});

test('the manifest holds the attributes that a file had when it was read', async () => {
  const builder = builderOf(1);
  builder.add(whole(thing('b')), packed(512));
  expect(await entriesOf(builder)).toMatchObject([{ mode: 0o600, mtimeUs: 11, mtimeRestNs: 0 }]);
});

describe('the manifest builder', () => {
  const link = thing('z', { type: EntryType.hardLink, linkName: 'a', size: 0 });
  const several = (name: string) => thing(name, { inode: { dev: 1n, ino: 2n } });
  const oldLink = old('z', { type: EntryType.hardLink, size: 0, frame: -1 }, 'a');

  test.each<[string, FramePlan | undefined, readonly ManifestEntry[]]>([
    ['a packed first name', whole(several('a'), link), []],
    ['a reused first name', whole(link), [old('a')]],
    ['a reused first name, itself reused', undefined, [old('a'), oldLink]],
  ])('resolves a hard link to %s', async (_, plan, reused) => {
    const builder = builderOf(2);
    if (plan) builder.add(plan, packed(512, 1536));
    expect((await entriesOf(builder, reused)).map(({ linkTo }) => linkTo)).toEqual([-1, 0]);
  });

  test('resolves a hard link in a full save', async () => {
    const builder = builderOf();
    builder.add(whole(several('a'), link), packed(512, 1536));
    expect((await entriesOf(builder)).map(({ linkTo }) => linkTo)).toEqual([-1, 0]);
  });
});

test('the slices of a file become one entry, in the frame of the first slice', async () => {
  const builder = builderOf();
  const slice = (start: number, end: number): FramePlan => ({
    members: [thing('large')],
    slice: { start, end, identity: {} as never },
  });
  builder.add(slice(0, 2), packed(512));
  builder.add(slice(2, 3), packed(0));
  expect(builder.frames).toHaveLength(2);
  expect(await entriesOf(builder)).toMatchObject([{ name: 'large', frame: 0, offset: 512, size: 3 }]);
});
