/** Reproducible randomness: a failing test names its seed, and the same seed repeats it. */

import { createCipheriv, createHash } from 'node:crypto';

/** Returns bytes that do not compress, the same for the same seed. */
export function incompressible(length: number, seed = ''): Buffer {
  return incompressibleStream(seed)(length);
}

/** Returns a function that returns the next bytes of a stream that does not compress. */
export function incompressibleStream(seed: string): (length: number) => Buffer {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return length => cipher.update(Buffer.alloc(length));
}

/** Returns a number from 0 (included) to 1 (excluded), the same for the same seed. */
export function randomShare(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
}

/** A generator of random numbers: sfc32 (Chris Doty-Humphrey, PractRand). */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = 0x9e3779b9;
    this.#c = 0x243f6a88;
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** Returns an integer from 0 (included) to `limit` (excluded, at most 2^32). */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  /** Returns true once in `times` calls. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)]!;
  }

  /** Returns the same elements in another order. */
  shuffled<T>(elements: readonly T[]): T[] {
    const result = [...elements];
    for (let index = result.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      [result[index], result[other]] = [result[other]!, result[index]!];
    }
    return result;
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }
}
