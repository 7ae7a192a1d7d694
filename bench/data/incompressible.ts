import { createCipheriv } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

const chunkBytes = 8 << 20;

/** Writes a file that no compressor makes smaller: the key stream of AES in counter mode, the same for the same seed. */
export function writeIncompressible(file: string, bytes: number, seed: number): void {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed >>> 0);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(chunkBytes);
  const descriptor = openSync(file, 'wx');
  try {
    for (let left = bytes; left > 0; left -= chunkBytes) {
      writeSync(descriptor, cipher.update(zeros.subarray(0, Math.min(left, chunkBytes))));
    }
  } finally {
    closeSync(descriptor);
  }
}
