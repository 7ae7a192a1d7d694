import { constants, fstatSync } from 'node:fs';
import { readAt, withFile } from './with-file.ts';

const { O_RDONLY, O_NONBLOCK = 0 } = constants;

/**
 * Reads a text file of at most `maxBytes`, with further flags of open(2). Follows links by default. Never waits for a FIFO or a
 * device.
 * @throws an error with a `code`: the system's, or ENOTFILE or EFBIG.
 */
export function readSmallFile(file: string, maxBytes: number, flags = 0): string {
  return withFile(file, O_RDONLY | O_NONBLOCK | flags, fd => {
    if (!fstatSync(fd).isFile()) throw fileError('ENOTFILE', 'is not a regular file');
    // Has one byte more than allowed, so that a file that grows is detected too
    const bytes = Buffer.alloc(maxBytes + 1);
    const length = readAt(fd, bytes, 0);
    if (length > maxBytes) throw fileError('EFBIG', `is longer than ${maxBytes} bytes`);
    return bytes.toString('utf8', 0, length);
  });
}

function fileError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
