import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { JobRecords } from '../../src/records/job-records.ts';
import { scratch } from '../archive/support/scratch.ts';
import { recordingLog } from '../support/requests.ts';

function arrange() {
  const directory = scratch();
  const log = recordingLog();
  return {
    directory,
    log,
    records: new JobRecords(directory, log),
    at: (name: string) => path.join(directory, name),
  };
}

test('a record replaces the one before it, and only its owner can read it', () => {
  const { records, at } = arrange();
  writeFileSync(at('note'), 'old', { mode: 0o644 });
  records.write('note', 'new');
  expect(records.read('note')?.bytes.toString()).toBe('new');
  if (process.platform !== 'win32') expect(lstatSync(at('note')).mode & 0o777).toBe(0o600);
});

test('a record is not written through a link', () => {
  const { records, at } = arrange();
  const other = path.join(scratch(), 'other');
  writeFileSync(other, 'not ours');
  for (const name of ['note', 'note.new']) symlinkSync(other, at(name));
  records.write('note', 'x');
  expect(readFileSync(other, 'utf8')).toBe('not ours');
  expect(readFileSync(at('note'), 'utf8')).toBe('x');
});

test.runIf(process.geteuid?.() === 0)('a record of root belongs to the owner of the directory', () => {
  const { directory, records, at } = arrange();
  chownSync(directory, 65534, 65533);
  records.write('note', 'x');
  expect(lstatSync(at('note'))).toMatchObject({ uid: 65534, gid: 65533 });
});

test('a record that cannot be written is a debug line and leaves no file', () => {
  const { directory, records, log, at } = arrange();
  mkdirSync(at('note'));
  writeFileSync(path.join(at('note'), 'inside'), '');
  records.write('note', 'x');
  expect(readdirSync(directory)).toEqual(['note']);
  expect(log.lines).toEqual([expect.stringMatching(/^debug: The record note was not written: /)]);
});

test('a job without RUNNER_TEMP keeps no records', () => {
  const records = new JobRecords('', recordingLog());
  records.write('note', 'x');
  records.markHalfRestored('v');
  records.remove('note');
  expect(records.areKept).toBe(false);
  expect(records.isHalfRestored('v')).toBe(false);
  expect(records.names()).toEqual([]);
});

test('a damaged object is known to later steps by its name and ETag, until it is cleared', () => {
  const { directory, records, log } = arrange();
  records.markDamaged({ name: 'v1/o', etag: 'e' });
  const later = new JobRecords(directory, log);
  expect(later.damagedEtag('v1/o')).toBe('e');
  expect(later.damagedEtag('v1/other')).toBeUndefined();
  later.clearDamaged('v1/o');
  expect(records.damagedEtag('v1/o')).toBeUndefined();
});

test.each(['', '{', 'null', '{"name":"v1/other","etag":"e"}', '{"name":"v1/o","etag":1}'])(
  'a record of a damaged object that holds %j is ignored',
  content => {
    const { records, at, directory } = arrange();
    records.markDamaged({ name: 'v1/o', etag: 'e' });
    writeFileSync(at(readdirSync(directory)[0]!), content);
    expect(records.damagedEtag('v1/o')).toBeUndefined();
  },
);

test('half-restored paths are known to later steps by their version, until they are cleared', () => {
  const { directory, records, log } = arrange();
  records.markHalfRestored('v');
  const later = new JobRecords(directory, log);
  expect(later.isHalfRestored('v')).toBe(true);
  expect(later.isHalfRestored('w')).toBe(false);
  later.clearHalfRestored('v');
  expect(records.isHalfRestored('v')).toBe(false);
});
