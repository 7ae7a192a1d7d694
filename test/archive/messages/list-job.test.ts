import { expect, test } from 'vitest';
import type { FileStatus } from '../../../src/archive/fs/file-status.ts';
import type { RowStatus } from '../../../src/archive/fs/status-rows.ts';
import { encodeListJob, ListingWriter, readListings } from '../../../src/archive/messages/list-job.ts';

const status = (mode: number, size: number) =>
  ({ mode, nlink: 2, uid: 3, gid: 4, size, mtimeMs: 5.5, ctimeMs: 6.5 }) as FileStatus;
const file = status(0o100644, 7);
const directory = status(0o040755, 0);
const link = status(0o120777, 0);
const exact = { mtimeUs: 2 ** 52 - 1, mtimeRestNs: 999 };

function written(write: (writer: ListingWriter) => void, isExact = false, reached = 2) {
  const writer = new ListingWriter({ exact: isExact });
  write(writer);
  return structuredClone(writer.finish(reached));
}

test('a list job has the directories that a worker reads', () => {
  expect(encodeListJob(['/a', '/b c'], false).directories.split('\0')).toEqual(['/a', '/b c']);
});

test('the main thread reads the listings that a worker has written', () => {
  const result = written(writer => {
    writer.add('/work', [
      { name: 'file', stats: file, mtime: undefined },
      { name: 'sub\udcff', stats: directory, mtime: exact },
    ]);
    writer.add('/work/empty', []);
    writer.add('/work/sub', [{ name: 'link', stats: link, mtime: exact }]);
  });
  expect(result.reached).toBe(2);
  const listings = [...readListings(result)];
  expect(listings.map(([path, { names }]) => [path, names])).toEqual([
    ['/work', ['file', 'sub\udcff']],
    ['/work/empty', []],
    ['/work/sub', ['link']],
  ]);
  const [[, first], , [, third]] = listings as [(typeof listings)[0], unknown, (typeof listings)[0]];
  expect(first.statusOf(0)).toMatchObject({ ...file, exactMtime: undefined });
  expect(first.statusOf(1)).toMatchObject({ ...directory, exactMtime: exact });
  expect(third.statusOf(0)).toMatchObject({ ...link, exactMtime: exact });
  const typesOf = (found: FileStatus) => [found.isFile(), found.isDirectory(), found.isSymbolicLink()];
  expect([first.statusOf(0), first.statusOf(1), third.statusOf(0)].map(typesOf)).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
  ]);
});

test('a listing may have any number of names', () => {
  const count = 3000;
  const items = Array.from({ length: count }, (_, index) => ({
    name: String(index),
    stats: status(0o100644, index),
    mtime: undefined,
  }));
  const result = written(writer => writer.add('/work', items));
  const [[, { names, statusOf }]] = [...readListings(result)] as [
    [string, { names: string[]; statusOf(at: number): FileStatus }],
  ];
  expect(names).toHaveLength(count);
  expect([0, 1023, 1024, 2999].map(index => statusOf(index).size)).toEqual([0, 1023, 1024, 2999]);
});

test('the exact listings have the status of each name to the nanosecond', () => {
  const count = 1030;
  const statusOfName = (index: number) => {
    const columns = ['dev', 'ino', 'size', 'mode', 'uid', 'gid', 'mtimeNs', 'ctimeNs'];
    return Object.fromEntries(
      columns.map((name, column) => [name, 2n ** 62n + BigInt(index * 8 + column)]),
    ) as unknown as RowStatus;
  };
  const items = Array.from({ length: count }, (_, index) => ({
    name: String(index),
    stats: { ...file, exact: statusOfName(index) } as FileStatus,
    mtime: exact,
  }));
  const result = written(writer => writer.add('/work', items), true);
  const [[, { statusOf }]] = [...readListings(result)] as [
    ReturnType<typeof readListings> extends Generator<infer L> ? L : never,
  ];
  for (const index of [0, 1023, 1024, 1029]) expect(statusOf(index).exact).toMatchObject(statusOfName(index));
});
