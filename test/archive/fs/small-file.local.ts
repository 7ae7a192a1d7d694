import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readSmallFile } from '../../../src/archive/fs/small-file.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

let directory: string;
const at = (name: string) => path.join(directory, name);
beforeEach(() => {
  directory = scratch();
});

test('a file of the given size is read, through a link too', () => {
  writeFileSync(at('file'), 'ü'.repeat(50));
  symlinkSync('file', at('link'));
  for (const name of ['file', 'link']) expect(readSmallFile(at(name), 100)).toBe('ü'.repeat(50));
});

test('a file that is larger by one byte is refused', () => {
  writeFileSync(at('file'), 'x'.repeat(101));
  expect(() => readSmallFile(at('file'), 100)).toThrow(expect.objectContaining({ code: 'EFBIG' }));
});

test('an empty file has no text, and a missing one is the error of the system', () => {
  writeFileSync(at('file'), '');
  expect(readSmallFile(at('file'), 100)).toBe('');
  expect(() => readSmallFile(at('missing'), 100)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('a FIFO, a device and a directory are refused without waiting', requires(posix), () => {
  execFileSync('mkfifo', [at('fifo')]);
  for (const file of [at('fifo'), '/dev/zero', directory]) {
    expect(() => readSmallFile(file, 100)).toThrow(expect.objectContaining({ code: 'ENOTFILE' }));
  }
});
