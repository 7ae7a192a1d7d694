import { expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { encodeCompareJob, readComparedEntries } from '../../../src/archive/messages/compare-job.ts';
import { entryOf } from '../support/entry-of.ts';

test('a worker reads the entries that the main thread wrote into a compare job', () => {
  const attributes = { mode: 0o640, mtimeUs: 2, mtimeRestNs: 7 ** 51, uid: -1, gid: 7 };
  const file = entryOf('./a', EntryType.file, { size: 3, ...attributes });
  const link = entryOf('./l', EntryType.symlink, { target: '../a', ...attributes });
  const job = structuredClone(encodeCompareJob([file, link], ['/w/a', '/w/l']));
  expect([...readComparedEntries(job)]).toEqual([
    { path: '/w/a', type: EntryType.file, size: 3, target: '', ...attributes },
    { path: '/w/l', type: EntryType.symlink, size: 0, target: '../a', ...attributes },
  ]);
});
