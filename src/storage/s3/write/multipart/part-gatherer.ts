import type { PartBytes } from '../body.ts';

/** Number of parts after which the part size grows: S3 accepts 10,000 parts, and the size of an object is known only at its end. */
const PARTS_OF_ONE_SIZE = 3_000;
/** Factor by which the part size grows. */
const SIZE_FACTOR = 4;

/**
 * Cuts a stream of written pieces into parts. Copies the smaller side of a piece that is cut, so that each part can release its
 * memory when it is stored. Some servers require parts of one size, so the size grows only after many parts. Parts of 8 MiB
 * become four times as large after 23 GiB, and 10,000 of them have over a terabyte in all.
 */
export class PartGatherer {
  #partSizeBytes: number;
  #wholeUpToBytes: number;
  /** Number of parts that were cut. */
  #partCount = 0;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  /** @param wholeUpToBytes the first part is cut only after more bytes than this. */
  constructor(partSizeBytes: number, wholeUpToBytes = partSizeBytes) {
    this.#partSizeBytes = partSizeBytes;
    this.#wholeUpToBytes = Math.max(wholeUpToBytes, partSizeBytes);
  }

  /** Allows `takeFull` to cut the first part early, because the object has other parts and cannot be stored by one request. */
  cutEarly(): void {
    this.#wholeUpToBytes = this.#partSizeBytes;
  }

  /** Appends a piece. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Returns a part if more bytes follow it. Returns undefined otherwise: the last part is left to `takeRest`. */
  takeFull(): PartBytes | undefined {
    if (this.#sizeBytes <= (this.#partCount === 0 ? this.#wholeUpToBytes : this.#partSizeBytes))
      return undefined;
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
      const [before, after] = cutPiece(border, missing);
      pieces.push(before);
      this.#pieces[0] = after;
    }
    const sizeBytes = this.#partSizeBytes;
    this.#sizeBytes -= sizeBytes;
    if (++this.#partCount % PARTS_OF_ONE_SIZE === 0) this.#partSizeBytes *= SIZE_FACTOR;
    return { pieces, sizeBytes };
  }

  /** Returns the remaining bytes: at most one part, or all bytes if no part was cut. Returns undefined if there are none. */
  takeRest(): PartBytes | undefined {
    if (this.#sizeBytes === 0) return undefined;
    const rest = { pieces: this.#pieces, sizeBytes: this.#sizeBytes };
    this.#pieces = [];
    this.#sizeBytes = 0;
    return rest;
  }
}

/** Cuts a piece into two that share no memory. The larger one keeps the memory of the piece. */
function cutPiece(piece: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  const [before, after] = [piece.subarray(0, at), piece.subarray(at)];
  return before.length > after.length ? [before, new Uint8Array(after)] : [new Uint8Array(before), after];
}
