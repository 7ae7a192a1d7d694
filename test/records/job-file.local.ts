import { chownSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeJobFile } from '../../src/records/job-file.ts';
import { scratch } from '../archive/support/scratch.ts';

test('replaces what is there, and is for nobody else to read', () => {
  const file = join(scratch(), 'note');
  writeFileSync(file, 'old', { mode: 0o644 });
  writeJobFile(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  if (process.platform !== 'win32') expect(lstatSync(file).mode & 0o777).toBe(0o600);
});

test('goes through no link', () => {
  const [directory, other] = [scratch(), join(scratch(), 'other')];
  writeFileSync(other, 'not ours');
  for (const name of ['note', 'note.new']) symlinkSync(other, join(directory, name));
  writeJobFile(join(directory, 'note'), 'x');
  expect(readFileSync(other, 'utf8')).toBe('not ours');
  expect(readFileSync(join(directory, 'note'), 'utf8')).toBe('x');
});

test.runIf(process.geteuid?.() === 0)('as root, it is the one’s who owns the directory', () => {
  const directory = scratch();
  chownSync(directory, 65534, 65533);
  writeJobFile(join(directory, 'note'), 'x');
  expect(lstatSync(join(directory, 'note'))).toMatchObject({ uid: 65534, gid: 65533 });
});
