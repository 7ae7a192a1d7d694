import { expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import type { FileStatus } from '../../../src/archive/fs/file-status.ts';
import type { ScannedEntry } from '../../../src/archive/messages/pack-job.ts';
import {
  encodePackJob,
  isReplaced,
  isUntouched,
  type Packed,
  packedRows,
  readMembers,
  readPacked,
  writePacked,
} from '../../../src/archive/messages/pack-job.ts';

const stats = { mode: 0o100640, uid: 0, gid: 0, mtimeMs: 1.5, ctimeMs: 2.5 } as FileStatus;

function scanned(overrides: Partial<ScannedEntry>): ScannedEntry {
  return {
    ...{
      name: './a',
      path: '/w/a',
      type: EntryType.file,
      stats,
      mode: 0o640,
      uid: 0,
      gid: 0,
      mtimeUs: 1500,
      mtimeRestNs: 7,
      size: 3,
      linkName: '',
    },
    ...overrides,
  };
}

const decode = (...members: readonly ScannedEntry[]) =>
  readMembers(structuredClone(encodePackJob({ members, slice: undefined }, 3)));

test('a worker reads the members that the main thread wrote into a pack job', () => {
  const link = { name: './l\ud800', path: '/w/l', type: EntryType.symlink, linkName: 'a', size: 0 };
  const members = decode(scanned({}), scanned(link));
  expect(members).toMatchObject([
    {
      name: './a',
      path: '/w/a',
      type: EntryType.file,
      mtimeUs: 1500,
      mtimeRestNs: 7,
      size: 3,
      mtimeMs: 1.5,
      ctimeMs: 2.5,
    },
    { name: './l\ud800', path: '/w/l', type: EntryType.symlink, linkName: 'a', size: 0 },
  ]);
});

test('a pack job detects a file whose size, mtime or ctime has changed since the scan', () => {
  const [member] = decode(scanned({}));
  const status = { dev: 1n, ino: 1n, size: 3n, mtimeNs: 1_500_000n, ctimeNs: 2_500_000n };
  expect(isUntouched(member!, status)).toBe(true);
  for (const change of [{ size: 4n }, { mtimeNs: 1_502_000n }, { ctimeNs: 2_498_000n }])
    expect(isUntouched(member!, { ...status, ...change })).toBe(false);
});

test('a pack job detects a replaced file by its inode, which only a file with several hard links has in the job', () => {
  const [dev, ino] = [1n, 2n];
  const [file, linked] = decode(scanned({}), scanned({ inode: { dev, ino } }));
  expect(isReplaced(file!, { dev, ino: 3n })).toBe(false);
  expect(isReplaced(linked!, { dev, ino })).toBe(false);
  expect(isReplaced(linked!, { dev, ino: 3n })).toBe(true);
  expect(isReplaced(linked!, { dev: 2n, ino })).toBe(true);
});

test('a worker reads no members from a pack job without members', () => {
  expect(decode()).toEqual([]);
});

test('the main thread reads the packed members of a result, and why the others are not in the frame', () => {
  const packed: Packed = {
    offset: 512,
    size: 3,
    mtimeUs: 1500,
    mtimeRestNs: 7,
    mode: 0o640,
    wasReplaced: true,
  };
  const rows = packedRows(3);
  writePacked(rows, 0, 'vanished');
  writePacked(rows, 1, packed);
  writePacked(rows, 2, 'short');
  expect([0, 1, 2].map(index => readPacked(rows, index))).toEqual(['vanished', packed, 'short']);
});
