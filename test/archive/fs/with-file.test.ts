import { execFileSync } from 'node:child_process';
import { constants, fstatSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isShortFile, NEW_FILE, readAt, withFile, writeAt } from '../../../src/archive/fs/with-file.ts';
import { failEachClose } from '../../support/file-system-calls.ts';
import { fifos, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

test('withFile returns the result of its function and closes the file', () => {
  const file = join(scratch(), 'file');
  const fd = withFile(file, NEW_FILE, fd => {
    writeSync(fd, 'content');
    return fd;
  });
  expect(readFileSync(file, 'utf8')).toBe('content');
  expect(() => fstatSync(fd)).toThrow('EBADF');
});

test('withFile closes the file when its function throws', () => {
  let open = -1;
  const failing = () =>
    withFile(join(scratch(), 'file'), NEW_FILE, fd => {
      open = fd;
      throw new Error('the disk is full');
    });
  expect(failing).toThrow('the disk is full');
  expect(() => fstatSync(open)).toThrow('EBADF');
});

test('withFile returns what was read although the file cannot be closed without an error', () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, 'content');
  failEachClose();
  expect(withFile(file, constants.O_RDONLY, fd => readAt(fd, Buffer.alloc(7), 0))).toBe(7);
  expect(() => withFile(file, constants.O_RDONLY, () => JSON.parse('{'))).toThrow(SyntaxError);
});

test.each([NEW_FILE, constants.O_WRONLY | constants.O_CREAT, constants.O_RDWR | constants.O_CREAT])(
  'withFile throws when a file that was written cannot be closed without an error (flags %s)',
  flags => {
    failEachClose();
    const write = () => withFile(join(scratch(), 'file'), flags, fd => writeSync(fd, 'content'));
    expect(write).toThrow('EIO');
  },
);

test('bytes are written and read at a position, and a file that ends early fills only the first of them', () => {
  const file = join(scratch(), 'file');
  withFile(file, NEW_FILE, fd => writeAt(fd, Buffer.from('content'), 3));
  const target = Buffer.from('........');
  const [count, whole] = withFile(file, constants.O_RDONLY, fd => [
    readAt(fd, target, 5),
    readAt(fd, Buffer.alloc(7), 3),
  ]);
  expect([count, target.toString(), whole]).toEqual([5, 'ntent...', 7]);
});

test('a file is short if it has no byte at the end of its size', () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, '12345');
  expect([1, 5, 6, 4096].map(size => isShortFile(file, size))).toEqual([false, false, true, true]);
});

test('a file that cannot be read is not short', () => {
  expect(isShortFile(join(scratch(), 'absent'), 5)).toBe(false);
});

test('a FIFO in place of a file is not waited for', requires(fifos), () => {
  const fifo = join(scratch(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  expect(isShortFile(fifo, 5)).toBe(false);
});
