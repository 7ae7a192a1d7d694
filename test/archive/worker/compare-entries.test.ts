import { linkSync, lstatSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import { encodeCompareJob, OnDisk } from '../../../src/archive/messages/compare-job.ts';
import { compareEntries } from '../../../src/archive/worker/compare-entries.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { entryOf } from '../support/entry-of.ts';

test(
  'compareEntries finds unchanged, changed and missing entries, and files with several names',
  requires(posix),
  () => {
    const root = scratch();
    const at = (name: string) => path.join(root, name);
    for (const name of ['same', 'larger', 'linked']) writeFileSync(at(name), 'data', { mode: 0o644 });
    writeFileSync(at('larger'), 'more data');
    linkSync(at('linked'), at('second'));
    mkdirSync(at('directory'));
    for (const name of ['same', 'larger', 'linked', 'directory']) utimesSync(at(name), 1, 1);
    const file = entryOf('x', EntryType.file, { mode: 0o644, mtimeUs: 1_000_000, size: 4 });
    const directory = { ...file, type: EntryType.directory, size: 0, mode: 0o700 };
    const names = ['same', 'larger', 'linked', 'missing', 'directory'];
    const entries = [file, file, file, file, directory];
    const { onDisk, inodes } = compareEntries(encodeCompareJob(entries, names.map(at)));
    const { unchanged, other } = OnDisk;
    // The mode of the directory differs
    expect([...onDisk]).toEqual([unchanged, other, unchanged, other, OnDisk.directory]);
    const { dev, ino } = lstatSync(at('second'), { bigint: true });
    expect(inodes.split('\0')).toEqual(['', '', `${dev}:${ino}`, '', '']);
  },
);
