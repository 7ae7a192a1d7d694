import { Buffer } from 'node:buffer';
import { release } from '../memory/buffers.ts';
import type { Fetcher, FetchMessage, FillingBuffer } from '../messages/fetch.ts';
import { collectBytes, type Report } from '../messages/report.ts';

/** Reserved memory is a multiple of this number of bytes, so that it fits the next buffer too. */
const MEMORY_STEP = 1024 * 1024;
/** The memory of a used buffer is kept while this thread has fewer buffers than this. */
const BUFFERS = 2;

/** The buffers of this thread that fetches fill, and jobs use up. */
export class Fetches {
  readonly #fetcher: Fetcher;
  readonly #post: (report: Report) => void;
  readonly #buffers = new Map<number, FillingBuffer & { readonly bytes: Uint8Array<ArrayBuffer> }>();
  readonly #unused: ArrayBuffer[] = [];

  constructor(fetcher: Fetcher, post: (report: Report) => void) {
    this.#fetcher = fetcher;
    this.#post = post;
  }

  /** Fetches into a buffer, and reports the outcome to the main thread. Rejects if the fetcher does. */
  async run({ id, buffer, length, at, ticket }: FetchMessage): Promise<void> {
    const target = this.#buffers.get(buffer) ?? {
      bytes: new Uint8Array(this.#takeMemory(length), 0, length),
      filled: 0,
    };
    this.#buffers.set(buffer, target);
    target.filled = at;
    const arrived = collectBytes(bytes => this.#post({ id, bytes }));
    const answer = await this.#fetcher(ticket, target, arrived.add);
    this.#post({ id, bytes: arrived.end(), end: { answer } });
  }

  /** Removes a buffer, and calls `work` with its bytes. */
  use<T>(buffer: number, work: (bytes: Uint8Array<ArrayBuffer>) => T): T {
    const { bytes } = this.#buffers.get(buffer)!;
    this.#buffers.delete(buffer);
    try {
      return work(bytes);
    } finally {
      if (this.#buffers.size + this.#unused.length < BUFFERS) this.#unused.push(bytes.buffer);
      else release(bytes);
    }
  }

  /** Returns kept memory, or new memory, which takes longer: the system clears each page of it, and malloc frees it late. */
  #takeMemory(length: number): ArrayBuffer {
    const at = this.#unused.findIndex(({ byteLength }) => byteLength >= length);
    if (at >= 0) return this.#unused.splice(at, 1)[0]!;
    // It is too small for this buffer, and so probably for later ones
    for (const memory of this.#unused.splice(0)) release(new Uint8Array(memory));
    return Buffer.allocUnsafeSlow(MEMORY_STEP * Math.ceil(length / MEMORY_STEP)).buffer;
  }
}
