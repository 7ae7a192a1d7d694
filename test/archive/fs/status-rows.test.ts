import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../../src/archive/fs/status-rows.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

function fileIn(directory: string, content = 'content') {
  const file = path.join(directory, 'file');
  fs.writeFileSync(file, content);
  return file;
}

/** Rows of several entries of which the second is this file. */
function rowsWith(file: string): StatusRows {
  const rows = StatusRows.of(3);
  rows.set(1, lstatExact(file)!);
  return rows;
}

test('a file is what it was until something happens to it', () => {
  const file = fileIn(scratch());
  const rows = rowsWith(file);
  expect(rows.matches(1, lstatExact(file)!)).toBe(true);
  fs.readFileSync(file);
  expect(rows.matches(1, lstatExact(file)!)).toBe(true);
});

test('a row that was never set, or cleared, equals nothing', () => {
  const file = fileIn(scratch());
  const rows = rowsWith(file);
  const stats = lstatExact(file)!;
  const zero = Object.fromEntries(Object.keys(stats).map(key => [key, 0n])) as unknown as typeof stats;
  expect(rows.matches(0, stats)).toBe(false);
  expect(rows.matches(0, zero)).toBe(false);
  rows.clear(1);
  expect(rows.matches(1, stats)).toBe(false);
});

describe('rows do not match a file', () => {
  test.each(['dev', 'ino', 'size', 'mode', 'uid', 'gid', 'mtimeNs', 'ctimeNs'] as const)(
    'whose %s is another one',
    column => {
      const stats = lstatExact(fileIn(scratch()))!;
      const rows = StatusRows.of(1);
      rows.set(0, stats);
      const other = Object.assign(Object.create(stats), { [column]: stats[column] + 1n }) as typeof stats;
      expect(rows.matches(0, stats)).toBe(true);
      expect(rows.matches(0, other)).toBe(false);
      // Only what a rename changes may differ for the same file
      expect(rows.matchesRenamed(0, other)).toBe(column === 'ctimeNs');
    },
  );
});

test('rows match a file that was renamed, and not one that got another name', requires(posix), () => {
  const file = fileIn(scratch());
  const rows = rowsWith(file);
  fs.renameSync(file, `${file}-moved`);
  const moved = lstatExact(`${file}-moved`)!;
  expect(rows.matchesRenamed(1, moved)).toBe(true);
  rows.set(1, moved);
  fs.linkSync(`${file}-moved`, file);
  expect(rows.matches(1, lstatExact(file)!)).toBe(false);
});

test('the latest change is that of all rows', () => {
  const directory = scratch();
  const rows = rowsWith(fileIn(directory));
  const later = Object.assign(Object.create(lstatExact(directory)!), { ctimeNs: 2n ** 62n });
  rows.set(2, later);
  expect(rows.latestChange()).toBe(2n ** 62n);
  expect(StatusRows.of(2).latestChange()).toBe(0n);
});

test('a table that is cut short is none', () => {
  expect(() => new StatusRows(new BigInt64Array(7))).toThrow(RangeError);
});
