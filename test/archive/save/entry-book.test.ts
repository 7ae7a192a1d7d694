import { describe, expect, test } from 'vitest';
import { SourceTreeError } from '../../../src/archive/archive-errors.ts';
import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';
import { decodeManifest } from '../../../src/archive/format/manifest-reader.ts';
import type { FileStatus } from '../../../src/archive/fs/file-status.ts';
import { EntryBook, type Listed } from '../../../src/archive/save/entry-book.ts';
import type { FramePlan } from '../../../src/archive/save/plan-frames.ts';
import type { ScannedEntry } from '../../../src/archive/scan/scan.ts';
import { PackedColumn, type PackResult, VANISHED } from '../../../src/archive/threads/jobs.ts';
import { HEAD } from '../support/archives.ts';

const stats = { mode: 0o644, nlink: 1, uid: 0, gid: 0 } as FileStatus;

function thing(name: string, overrides: Partial<ScannedEntry> = {}): ScannedEntry {
  return {
    ...{ name, path: `/${name}`, type: EntryType.file, stats, mtimeUs: 7, dataBytes: 3, linkName: '' },
    ...overrides,
  };
}

/** What a worker returns for members of these offsets. */
function packed(...offsets: number[]): PackResult {
  const numbers = new Float64Array(offsets.length * PackedColumn.width);
  offsets.forEach((offset, index) => {
    numbers.set([offset, 3, 11, 0o600], index * PackedColumn.width);
  });
  return { bytes: new Uint8Array(50), rawSize: 1024, sha256: new Uint8Array(32), numbers };
}

function bookOf(frames?: number) {
  const skipped: string[] = [];
  const notes = { skipped: (path: string) => void skipped.push(path), timeBefore1970() {} };
  const old = { size: 1, rawSize: 1, sha256: new Uint8Array(32) };
  return { book: new EntryBook(notes, frames === undefined ? undefined : Array(frames).fill(old)), skipped };
}

/** What the book's manifest says, to a reader. */
function entriesOf(book: EntryBook, reused: readonly Listed[] = []): readonly Entry[] {
  const { manifest, entries } = book.finish(HEAD, reused);
  const decoded = decodeManifest(Buffer.from(manifest)).entries;
  expect(decoded).toHaveLength(entries);
  return decoded;
}

const whole = (...members: ScannedEntry[]): FramePlan => ({ members, slice: undefined });

/** Something unchanged, with its data in this frame of the base. */
function old(name: string, overrides: Partial<Entry> = {}, linkName = ''): Listed {
  const place = name.endsWith('/') ? { size: 0, frame: -1, offset: 0 } : { size: 3, frame: 1, offset: 512 };
  const type = name.endsWith('/') ? EntryType.directory : EntryType.file;
  const owner = { uid: 0, gid: 0 };
  const rest = { mode: 0o644, mtimeUs: 7, target: '', linkTo: -1 };
  return {
    entry: { name, type, ...place, ...owner, ...rest, ...overrides },
    linkName,
    isLinkable: name === 'a',
  };
}

test('packed and reused entries come out as one list in byte order, each where its data is', () => {
  const { book } = bookOf(2);
  book.add(whole(thing('b'), thing('c/c')), packed(512, 1536));
  book.add(whole(thing('f')), packed(1536));
  // A directory that something came into is packed after what stands below it
  book.add(whole(thing('b/', { type: EntryType.directory })), packed(512));
  expect(book.frames).toHaveLength(5);
  const reused = ['a', 'c/', 'c/d', 'é'].map(name => old(name));
  expect(entriesOf(book, reused).map(({ name, frame, offset }) => [name, frame, offset])).toEqual([
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

test('a packed file is as it was read, not as it was found', () => {
  const { book } = bookOf(1);
  book.add(whole(thing('b')), packed(512));
  expect(entriesOf(book)).toMatchObject([{ mode: 0o600, mtimeUs: 11 }]);
});

describe('hard links', () => {
  const link = thing('z', { type: EntryType.hardLink, linkName: 'a', dataBytes: 0 });
  const several = (name: string) => thing(name, { inode: { dev: 1n, ino: 2n } });
  const oldLink = old('z', { type: EntryType.hardLink, size: 0, frame: -1 }, 'a');

  test.each<[string, FramePlan | undefined, readonly Listed[]]>([
    ['packed with it', whole(several('a'), link), []],
    ['reused', whole(link), [old('a')]],
    ['reused, and so is the link', undefined, [old('a'), oldLink]],
  ])('find their first name: it is %s', (_, plan, reused) => {
    const { book } = bookOf(2);
    if (plan) book.add(plan, packed(512, 1536));
    expect(entriesOf(book, reused).map(({ linkTo }) => linkTo)).toEqual([-1, 0]);
  });

  test('find it in a save that stands on nothing', () => {
    const { book } = bookOf();
    book.add(whole(several('a'), link), packed(512, 1536));
    expect(entriesOf(book).map(({ linkTo }) => linkTo)).toEqual([-1, 0]);
  });

  test('whose first name has vanished end a save that grows as well', () => {
    const { book } = bookOf(2);
    book.add(whole(several('a'), link), packed(VANISHED, 512));
    expect(() => book.finish(HEAD)).toThrow('a vanished, a name of z');
  });

  test('whose first name has vanished end the save', () => {
    const { book, skipped } = bookOf();
    const add = () => book.add(whole(several('a'), link), packed(VANISHED, 512));
    expect(add).toThrow(SourceTreeError);
    expect(skipped).toEqual(['/a']);
    expect(add).toThrow('a vanished, a name of z');
  });

  test('whose first name is another file by now end the save', () => {
    const { book } = bookOf();
    const result = packed(512, 1536);
    result.numbers[PackedColumn.replaced] = 1;
    const add = () => book.add(whole(several('a'), link), result);
    expect(add).toThrow(SourceTreeError);
    expect(add).toThrow('a was replaced by another file while it was saved');
  });

  test('a file that is another by now is saved where nothing is linked to it', () => {
    const { book } = bookOf();
    const result = packed(512, 1536);
    result.numbers[PackedColumn.replaced] = 1;
    book.add(whole(several('a'), thing('b')), result);
    expect(entriesOf(book)).toHaveLength(2);
  });
});

test('the slices of a file are one entry, in the frame of the first', () => {
  const { book } = bookOf();
  const slice = (start: number, end: number): FramePlan => ({
    members: [thing('large')],
    slice: { start, end, identity: {} as never },
  });
  book.add(slice(0, 2), packed(512));
  book.add(slice(2, 3), packed(0));
  expect(book.frames).toHaveLength(2);
  expect(entriesOf(book)).toMatchObject([{ name: 'large', frame: 0, offset: 512, size: 3 }]);
});
