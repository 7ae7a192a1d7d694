/** Reproducible randomness: a failing case names its seed, and the same seed gives the same case. */

import { createCipheriv, createHash } from 'node:crypto';

/** Bytes that do not compress, the same for the same seed. */
export function randomContent(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return cipher.update(Buffer.alloc(size));
}

/** A number from 0 (included) to 1 (excluded), the same for the same seed. */
export function randomNumber(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
}
