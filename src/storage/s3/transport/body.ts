import { finished, type Readable } from 'node:stream';
import { releaseOwned } from '../../../archive/memory/buffers.ts';
import type { FillingBuffer } from '../../../archive/messages/fetch.ts';
import { ProtocolError } from './protocol-error.ts';

/** Reads the bodies of responses, and limits their bytes. The transport limits their time. */

/** Limit in bytes on a body that is neither a range nor a listing. S3 sends a few hundred bytes. */
export const MAX_BODY_BYTES = 64 * 1024;

/**
 * Reads a whole body of at most `maxBytes`. Destroys a longer one at once.
 * @throws ProtocolError for a longer body, a connection error for one that ends early.
 */
export function readWhole(body: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    let length = 0;
    body.on('data', (chunk: Buffer) => {
      const end = length + chunk.length;
      if (end > maxBytes) {
        body.destroy(new ProtocolError(`the response is longer than ${maxBytes} bytes`));
        return;
      }
      // Copies each chunk at once: a chunk takes some 600 bytes of memory, and a server can send chunks of one byte
      if (end > bytes.length) {
        bytes = Buffer.concat([bytes], Math.min(maxBytes, Math.max(end, 2 * bytes.length)));
      }
      bytes.set(chunk, length);
      length = end;
    });
    finished(body, error => (error ? reject(error) : resolve(bytes.subarray(0, length))));
  });
}

/**
 * Reads a body into the rest of a buffer, and counts its bytes in `target.filled`.
 * @param onBytes is called with the number of bytes of each piece.
 * @throws ProtocolError for a body that is longer than the rest, a connection error for one that breaks off.
 */
export function readInto(
  target: FillingBuffer,
  body: Readable,
  onBytes: (count: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { bytes } = target;
    body.on('data', (chunk: Buffer) => {
      const { length } = chunk;
      if (target.filled + length > bytes.length) {
        body.destroy(new ProtocolError('the body is longer than the range that was requested'));
        return;
      }
      bytes.set(chunk, target.filled);
      target.filled += length;
      // Node's parser has copied the chunk, so nothing else uses its memory
      releaseOwned(chunk);
      onBytes(length);
    });
    finished(body, error => (error ? reject(error) : resolve()));
  });
}
