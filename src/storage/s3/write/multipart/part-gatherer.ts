import type { PartBytes } from '../body.ts';

/** S3 accepts 10,000 parts. The size of an object is known only at its end, so parts grow after this many. */
const PARTS_OF_ONE_SIZE = 3_000;
const SIZE_FACTOR = 4;

/**
 * Cuts a stream of written pieces into parts. Copies the smaller side of a piece across a border, so that each part can
 * release its memory when it is stored. Parts are of exactly one size, because some servers require that, until there are so many
 * that 10,000 would not be enough: parts of 8 MiB grow to four times the size after 23 GiB, and reach a terabyte in all.
 */
export class PartGatherer {
  #partSizeBytes: number;
  #wholeUpToBytes: number;
  #cut = 0;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  /** Cuts parts of `partSizeBytes`, the first one only when there are more than `wholeUpToBytes` bytes in all. */
  constructor(partSizeBytes: number, wholeUpToBytes = partSizeBytes) {
    this.#partSizeBytes = partSizeBytes;
    this.#wholeUpToBytes = Math.max(wholeUpToBytes, partSizeBytes);
  }

  /** Cuts parts from now on, because the object has parts already and cannot be stored by one request. */
  cutEarly(): void {
    this.#wholeUpToBytes = this.#partSizeBytes;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Returns a part if more bytes follow it. Returns undefined otherwise: it may be the last part, which `takeRest` returns. */
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
      const [before, after] = halves(border, missing);
      pieces.push(before);
      this.#pieces[0] = after;
    }
    const sizeBytes = this.#partSizeBytes;
    this.#sizeBytes -= sizeBytes;
    if (++this.#cut % PARTS_OF_ONE_SIZE === 0) this.#partSizeBytes *= SIZE_FACTOR;
    return { pieces, sizeBytes };
  }

  /** Returns the rest: at most one part, or all bytes if no part was cut. Returns undefined if there is none. */
  takeRest(): PartBytes | undefined {
    if (this.#sizeBytes === 0) return undefined;
    const rest = { pieces: this.#pieces, sizeBytes: this.#sizeBytes };
    this.#pieces = [];
    this.#sizeBytes = 0;
    return rest;
  }
}

/** Cuts a piece in two that share no memory. The larger one keeps that of the piece. */
function halves(piece: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  const [before, after] = [piece.subarray(0, at), piece.subarray(at)];
  return before.length > after.length ? [before, new Uint8Array(after)] : [new Uint8Array(before), after];
}
