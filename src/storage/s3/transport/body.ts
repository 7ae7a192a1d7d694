import { finished, type Readable } from 'node:stream';
import { releaseOwned } from '../../../archive/memory/buffers.ts';
import { ProtocolError } from './protocol-error.ts';

/** Reads the bodies of responses within a bound in bytes. The transport bounds them in time. */

/**
 * Reads a whole body of at most `maxBytes`. A longer one is destroyed at once.
 * @throws ProtocolError for a longer body, a connection error for one that ends early.
 */
export function readWhole(body: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const tooLong = () => body.destroy(new ProtocolError(`the response is longer than ${maxBytes} bytes`));
    body.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) tooLong();
      else chunks.push(chunk);
    });
    finished(body, error => (error ? reject(error) : resolve(Buffer.concat(chunks))));
  });
}

/** A buffer that a body fills from `filled` on. */
export interface FillingBuffer {
  readonly bytes: Uint8Array;
  filled: number;
}

/**
 * Reads a body into the rest of a buffer, counting its bytes in `target.filled`.
 * @param onBytes is called with the number of bytes of each piece.
 * @throws ProtocolError for a body that is longer than the rest, a connection error for one that ends early.
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
      // Node's parser copies what it passes on, so the chunk is ours
      releaseOwned(chunk);
      onBytes(length);
    });
    finished(body, error => {
      if (error) reject(error);
      else if (target.filled < bytes.length) reject(endedEarly());
      else resolve();
    });
  });
}

function endedEarly(): Error {
  return Object.assign(new Error('the body ended early'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}
