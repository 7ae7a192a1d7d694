import { hash } from 'node:crypto';
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { linkRow } from '../../src/archive/fs/links/restored-links.ts';
import { isNeverSaved } from '../../src/archive/fs/paths/staging-name.ts';
import { JobRecords } from '../../src/records/job-records.ts';
import { requires, root } from '../support/platform-needs.ts';
import { recordingLog } from '../support/requests.ts';
import { scratch } from '../support/scratch.ts';

function arrange() {
  const directory = scratch();
  const log = recordingLog();
  const at = (name: string) => path.join(directory, name);
  return { directory, log, records: new JobRecords(directory, log), at };
}

test('a record that cannot be written is a debug line', () => {
  const { directory, records, log, at } = arrange();
  mkdirSync(path.join(at('cache-s3-note'), 'inside'), { recursive: true });
  records.write('cache-s3-note', 'x');
  expect(readdirSync(directory)).toEqual(['cache-s3-note']);
  expect(log.lines).toEqual([expect.stringMatching(/^debug: The record cache-s3-note was not written: /)]);
});

test('a job without RUNNER_TEMP keeps no records', () => {
  const records = new JobRecords('', recordingLog());
  records.write('note', 'x');
  records.markHalfRestored('v', ['./a']);
  expect(records.halfRestoredIsLost).toBe(true);
  records.clearHalfRestored('v');
  expect(records.halfRestoredIsLost).toBe(false);
  records.remove('note');
  expect(records.areKept).toBe(false);
  expect(records.isHalfRestored(() => ['./a'])).toBe(false);
  expect([...records.newest('', { maxBytes: 100, maxRecords: 1 })]).toEqual([]);
});

test('no record is ever saved, so that no cache gives it to another job', () => {
  const { records, directory } = arrange();
  records.markDamaged({ name: 'v1/o', etag: 'e' });
  records.markHalfRestored(hash('sha256', 'paths'), ['./deps']);
  records.addRestoredLinks([1, 2, 3]);
  const names = readdirSync(directory);
  expect(names).toHaveLength(3);
  expect(names.filter(name => !isNeverSaved(name))).toEqual([]);
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

test('half-restored paths are known to later steps, until they are cleared', () => {
  const { directory, records, log } = arrange();
  expect(records.markHalfRestored('v', ['./deps'])).toBe(true);
  expect(records.markHalfRestored('v', ['./deps'])).toBe(false);
  const later = new JobRecords(directory, log);
  expect(later.isHalfRestored(() => ['./deps/a'])).toBe(true);
  expect(later.isHalfRestored(() => ['./other'])).toBe(false);
  later.clearHalfRestored('v');
  expect(records.isHalfRestored(() => ['./deps'])).toBe(false);
});

test('half-restored paths are lost if their record cannot be written, unless there is an earlier one', () => {
  const { directory, records, log, at } = arrange();
  mkdirSync(path.join(at('cache-s3-half-v.new'), 'inside'), { recursive: true });
  records.markHalfRestored('v', ['./deps']);
  expect(records.halfRestoredIsLost).toBe(true);
  rmSync(at('cache-s3-half-v.new'), { recursive: true });
  records.markHalfRestored('v', ['./deps']);
  expect(records.halfRestoredIsLost).toBe(false);
  mkdirSync(path.join(at('cache-s3-half-v.new'), 'inside'), { recursive: true });
  const later = new JobRecords(directory, log);
  later.markHalfRestored('v', ['./deps']);
  expect(later.halfRestoredIsLost).toBe(false);
});

test.each<[readonly string[], readonly string[], boolean]>([
  [['/w/deps'], ['/w/deps'], true],
  [['/w/deps'], ['/w/deps/a'], true],
  [['/w/deps'], ['/w'], true],
  [['/w/deps'], [''], true],
  [['/w/deps'], ['/w/dep'], false],
  [['/w/deps'], ['/w/deps-2'], false],
  [['/w/a', '/w/b'], ['/w/c', '/w/b/x'], true],
  [[], ['/w/a'], false],
])('if the paths %j are half restored, so are %j: %s', (some, others, expected) => {
  for (const [half, saved] of [
    [some, others],
    [others, some],
  ] as const) {
    const { records } = arrange();
    records.markHalfRestored('v', half);
    expect(records.isHalfRestored(() => saved)).toBe(expected);
  }
});

test.each(['', '{', 'null', '{}', '"./deps"', '[{}]', '[1]'])(
  'a record of half-restored paths that holds %j is ignored',
  content => {
    const { records, at } = arrange();
    writeFileSync(at('cache-s3-half-v'), content);
    expect(records.isHalfRestored(() => ['./deps'])).toBe(false);
  },
);

test('half-restored paths are read from at most 1 MiB of records, the newest first', () => {
  const { records, at } = arrange();
  const long = JSON.stringify(['x'.repeat(600 * 1024)]);
  for (const [index, content] of ['["./old"]', long, long, '["./new"]'].entries()) {
    const file = at(`cache-s3-half-${index}`);
    writeFileSync(file, content);
    utimesSync(file, index, index);
  }
  expect(records.isHalfRestored(() => ['./new'])).toBe(true);
  expect(records.isHalfRestored(() => ['./old'])).toBe(true);
  writeFileSync(at('cache-s3-half-0'), JSON.stringify(['./old', 'x'.repeat(600 * 1024)]));
  utimesSync(at('cache-s3-half-0'), 0, 0);
  expect(records.isHalfRestored(() => ['./old'])).toBe(false);
});

test('files of another user neither hide nor forge half-restored paths', requires(root), () => {
  const { records, at } = arrange();
  records.markHalfRestored('v', ['./deps']);
  for (let index = 0; index < 200; index++) {
    const file = at(`cache-s3-half-${index}`);
    writeFileSync(file, '["./other"]');
    chownSync(file, 65534, 65533);
  }
  expect(records.isHalfRestored(() => ['./deps'])).toBe(true);
  expect(records.isHalfRestored(() => ['./other'])).toBe(false);
});

test('links of all restores of the job are known to later steps', () => {
  const { directory, records, log, at } = arrange();
  const links = ['one', 'two', 'three'].map(name => {
    symlinkSync('.', at(name));
    return lstatSync(at(name));
  });
  records.addRestoredLinks(linkRow(links[0]!));
  records.addRestoredLinks(linkRow(links[1]!));
  records.addRestoredLinks([]);
  const found = new JobRecords(directory, log).restoredLinks();
  expect(['one', 'two', 'three'].filter(name => found.has(at(name)))).toEqual(['one', 'two']);
});

test('a record of links that is cut short is read as far as it goes', () => {
  const { directory, records, at } = arrange();
  symlinkSync('.', at('one'));
  const row = linkRow(lstatSync(at('one')));
  records.addRestoredLinks([...row, ...row]);
  const [name] = readdirSync(directory).filter(found => found.startsWith('cache-s3-links-'));
  truncateSync(at(name!), 40);
  symlinkSync('.', at('two'));
  records.addRestoredLinks(linkRow(lstatSync(at('two'))));
  const found = records.restoredLinks();
  expect([found.has(at('one')), found.has(at('two'))]).toEqual([true, true]);
});
