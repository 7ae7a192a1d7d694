import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readRecord, recordNames, writeRecord } from '../../src/records/record-files.ts';
import { posix, requires, root } from '../support/platform-needs.ts';
import { scratch } from '../support/scratch.ts';

const isWindows = process.platform === 'win32';

function newFile() {
  const directory = scratch();
  return { directory, file: path.join(directory, 'cache-s3-note') };
}

test('a record replaces the one before it, and only its owner can read it', () => {
  const { file } = newFile();
  writeFileSync(file, 'old', { mode: 0o644 });
  writeRecord(file, 'new');
  expect(readRecord(file, 3)?.toString()).toBe('new');
  if (!isWindows) expect(lstatSync(file).mode & 0o777).toBe(0o600);
});

test('a record is not written through a link', () => {
  const { file } = newFile();
  const other = path.join(scratch(), 'other');
  writeFileSync(other, 'not ours');
  for (const name of [file, `${file}.new`]) symlinkSync(other, name);
  writeRecord(file, 'x');
  expect(readFileSync(other, 'utf8')).toBe('not ours');
  expect(readFileSync(file, 'utf8')).toBe('x');
});

test('a record of root belongs to the owner of the directory and is read as its own', requires(root), () => {
  const { directory, file } = newFile();
  chownSync(directory, 65534, 65533);
  writeRecord(file, 'x');
  expect(lstatSync(file)).toMatchObject({ uid: 65534, gid: 65533 });
  expect(readRecord(file, 1)?.toString()).toBe('x');
});

test('a record that cannot take its name leaves no file', () => {
  const { directory, file } = newFile();
  mkdirSync(path.join(file, 'inside'), { recursive: true });
  expect(() => writeRecord(file, 'x')).toThrow();
  expect(readdirSync(directory)).toEqual(['cache-s3-note']);
});

test('a record that does not fit leaves no file', requires(posix), () => {
  const { directory, file } = newFile();
  const module = new URL('../../src/records/record-files.ts', import.meta.url).href;
  const script = `
    const { writeRecord } = await import(${JSON.stringify(module)});
    try { writeRecord(${JSON.stringify(file)}, Buffer.alloc(1e6)); } catch (error) { console.log(error.code); }
  `;
  // 100 blocks of 512 bytes or 1 KiB; the signal that comes with the error would end the process
  const limited = `trap '' XFSZ; ulimit -f 100; exec "$@"`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout } = spawnSync('sh', ['-c', limited, 'sh', ...node], { encoding: 'utf8' });
  expect(stdout).toBe('EFBIG\n');
  expect(readdirSync(directory)).toEqual([]);
});

test('a record over its bound is not read', () => {
  const { file } = newFile();
  writeFileSync(file, 'four');
  expect(readRecord(file, 4)?.toString()).toBe('four');
  expect(readRecord(file, 3)).toBeUndefined();
  // Sparse: it takes no space, and more than Node could read into one buffer
  truncateSync(file, 2 ** 40);
  expect(readRecord(file, 2 ** 28)).toBeUndefined();
});

test('a FIFO under the name of a record does not block', requires(posix), () => {
  const { file } = newFile();
  execFileSync('mkfifo', [file]);
  expect(readRecord(file, 10)).toBeUndefined();
});

test('a link under the name of a record is not followed', requires(posix), () => {
  const { directory, file } = newFile();
  writeFileSync(path.join(directory, 'other'), 'x');
  symlinkSync('other', file);
  expect(() => readRecord(file, 10)).toThrow('ELOOP');
  expect(readFileSync(file, 'utf8')).toBe('x');
});

test('a directory or nothing under the name of a record is no record', () => {
  const { file } = newFile();
  expect(() => readRecord(file, 10)).toThrow('ENOENT');
  mkdirSync(file);
  let found: Buffer | undefined;
  try {
    found = readRecord(file, 10);
  } catch {}
  expect(found).toBeUndefined();
});

test('a record of a user who owns neither the process nor the directory is not read', requires(root), () => {
  const { file } = newFile();
  writeFileSync(file, 'x');
  chownSync(file, 65534, 65533);
  expect(readRecord(file, 10)).toBeUndefined();
});

test('the names of records are listed newest first, without other and unfinished files', () => {
  const { directory } = newFile();
  for (const name of ['cache-s3-b', 'other', 'cache-s3-d.new', 'cache-s3-a', 'cache-s3-c']) {
    writeFileSync(path.join(directory, name), '');
  }
  const order = ['cache-s3-c', 'cache-s3-a', 'cache-s3-b'];
  for (const [index, name] of order.entries()) utimesSync(path.join(directory, name), 1000, 2000 - index);
  expect(recordNames(directory, 'cache-s3-')).toEqual(order);
});
