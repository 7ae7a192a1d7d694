import type { PartBytes } from './multipart.ts';

/**
 * Cuts a stream of written pieces into parts of exactly one size, without copying: a piece across a border is shared
 * by two parts. (All parts but the last are equal because some servers ask for that.)
 */
export class PartGatherer {
  readonly #partSizeBytes: number;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(partSizeBytes: number) {
    this.#partSizeBytes = partSizeBytes;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** A part, once there is more than one: the last one is known as such only at the end. */
  takeFull(): PartBytes | undefined {
    if (this.#sizeBytes <= this.#partSizeBytes) return undefined;
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
      pieces.push(border.subarray(0, missing));
      this.#pieces[0] = border.subarray(missing);
    }
    this.#sizeBytes -= this.#partSizeBytes;
    return { pieces, sizeBytes: this.#partSizeBytes };
  }

  /** What is left, at most one part; undefined: nothing. */
  takeRest(): PartBytes | undefined {
    if (this.#sizeBytes === 0) return undefined;
    const rest = { pieces: this.#pieces, sizeBytes: this.#sizeBytes };
    this.#pieces = [];
    this.#sizeBytes = 0;
    return rest;
  }
}
