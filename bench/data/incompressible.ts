import { closeSync, openSync, writeSync } from 'node:fs';
import { incompressibleStream } from '../../test/support/random.ts';

const chunkBytes = 8 << 20;

/** Writes a file that no compressor makes smaller, the same for the same seed. */
export function writeIncompressible(file: string, bytes: number, seed: number): void {
  const next = incompressibleStream(String(seed));
  const descriptor = openSync(file, 'wx');
  try {
    for (let left = bytes; left > 0; left -= chunkBytes) {
      writeSync(descriptor, next(Math.min(left, chunkBytes)));
    }
  } finally {
    closeSync(descriptor);
  }
}
