import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** Bytes that are passed to the socket at once. A larger slice would hide progress for a long time. */
const SLICE_BYTES = 256 * 1024;

/**
 * Makes the pieces the body of one request. A stream rather than one joined buffer: nothing is copied, and the signature
 * covers UNSIGNED-PAYLOAD instead of a SHA-256 over every byte in the main thread (frames carry their own).
 * @param onSent is called with the number of bytes of each slice that was passed on.
 */
export function bodyOf(pieces: readonly Uint8Array[], onSent: (bytes: number) => void): Readable {
  return Readable.from(slicesOf(pieces, onSent), { objectMode: false });
}

function* slicesOf(pieces: readonly Uint8Array[], onSent: (bytes: number) => void): Generator<Uint8Array> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      const slice = piece.subarray(at, at + SLICE_BYTES);
      yield slice;
      onSent(slice.length);
    }
  }
}

/** Returns the MD5 of the pieces. In hexadecimal it is the ETag of an object that is stored by one request unencrypted. */
export function md5Of(pieces: readonly Uint8Array[], encoding: 'hex' | 'base64'): string {
  const hash = createHash('md5');
  for (const piece of pieces) hash.update(piece);
  return hash.digest(encoding);
}
