import { constants, fstatSync, readSync } from 'node:fs';
import { withFile } from './with-file.ts';

const { O_RDONLY, O_NONBLOCK = 0 } = constants;

/**
 * Reads a text file of at most `maxBytes`, following links. Never waits for a FIFO or a device.
 * @throws an error with a `code`: the system's, or ENOTFILE or EFBIG.
 */
export function readSmallFile(file: string, maxBytes: number): string {
  return withFile(file, O_RDONLY | O_NONBLOCK, fd => {
    if (!fstatSync(fd).isFile()) throw fileError('ENOTFILE', 'is not a regular file');
    // One more than allowed, so that a file that grows is noticed too
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length <= maxBytes; length += count) {
      count = readSync(fd, bytes, length, bytes.length - length, null);
    }
    if (length > maxBytes) throw fileError('EFBIG', `is longer than ${maxBytes} bytes`);
    return bytes.toString('utf8', 0, length);
  });
}

function fileError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
