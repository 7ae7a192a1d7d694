import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isShortFile } from '../../../src/archive/fs/short-files.ts';
import { fifos, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

test('a file is short if it has no byte at the end of its size', () => {
  const file = path.join(scratch(), 'file');
  writeFileSync(file, '12345');
  expect([1, 5, 6, 4096].map(size => isShortFile(file, size))).toEqual([false, false, true, true]);
});

test('a file that cannot be read is not short', () => {
  expect(isShortFile(path.join(scratch(), 'absent'), 5)).toBe(false);
});

test('a FIFO in place of a file is not waited for', requires(fifos), () => {
  const fifo = path.join(scratch(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  expect(isShortFile(fifo, 5)).toBe(false);
});
