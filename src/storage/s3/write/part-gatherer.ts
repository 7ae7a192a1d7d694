import { releaseOwned } from '../../../archive/memory/buffers.ts';
import type { PartBytes } from './multipart.ts';

/** S3 takes 10,000 parts. How large an object becomes is known at its end only, so parts grow after each of these. */
const PARTS_OF_ONE_SIZE = 3_000;
const GROWTH = 4;

/**
 * Cuts a stream of written pieces into parts. Only a piece across a border is copied, so that each part can give its
 * memory back when it is stored. Parts are of exactly one size, because some servers ask for that, until there are so
 * many that 10,000 would not do: 8 MiB parts reach 23 GiB that way and grow to four times the size then, up to a
 * terabyte in all.
 */
export class PartGatherer {
  #partSizeBytes: number;
  #wholeUpToBytes: number;
  #cut = 0;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  /** Nothing is cut before there is more than `wholeUpToBytes`, at least a part. */
  constructor(partSizeBytes: number, wholeUpToBytes = partSizeBytes) {
    this.#partSizeBytes = partSizeBytes;
    this.#wholeUpToBytes = Math.max(wholeUpToBytes, partSizeBytes);
  }

  /** The object comes in parts already: nothing is held back to go by one request. */
  cutEarly(): void {
    this.#wholeUpToBytes = this.#partSizeBytes;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** A part, once there is more than one: the last one is known as such only at the end. */
  takeFull(): PartBytes | undefined {
    if (this.#sizeBytes <= (this.#cut === 0 ? this.#wholeUpToBytes : this.#partSizeBytes)) return undefined;
    const pieces: Uint8Array[] = [];
    let missing = this.#partSizeBytes;
    let whole = 0;
    for (const piece of this.#pieces) {
      if (piece.length > missing) break;
      pieces.push(piece);
      missing -= piece.length;
      whole++;
    }
    this.#pieces.splice(0, whole);
    const [border] = this.#pieces;
    if (missing > 0 && border) {
      pieces.push(new Uint8Array(border.subarray(0, missing)));
      this.#pieces[0] = new Uint8Array(border.subarray(missing));
      releaseOwned(border);
    }
    const sizeBytes = this.#partSizeBytes;
    this.#sizeBytes -= sizeBytes;
    if (++this.#cut % PARTS_OF_ONE_SIZE === 0) this.#partSizeBytes *= GROWTH;
    return { pieces, sizeBytes };
  }

  /** What is left: at most one part, or all of it where none was cut; undefined: nothing. */
  takeRest(): PartBytes | undefined {
    if (this.#sizeBytes === 0) return undefined;
    const rest = { pieces: this.#pieces, sizeBytes: this.#sizeBytes };
    this.#pieces = [];
    this.#sizeBytes = 0;
    return rest;
  }
}
