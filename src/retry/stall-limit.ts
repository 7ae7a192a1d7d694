import type { Clock } from './clock.ts';
import { TimeoutError } from './time-limits.ts';

/** Bytes that end a wait. With fewer, a server that moves a byte now and then would never time out. */
const COUNTED_BYTES = 64 * 1024;

/** Bytes that make up for the waits before. With fewer, a server that stops in each attempt would take many of them. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Aborts its signal when the attempts of one call have waited too long, all of them together. Waits between attempts do not
 * count: their number is the user's choice.
 */
export class StallLimit {
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  /** Time that earlier attempts waited at their end, in ms. */
  #spentMs = 0;
  #idleSince = 0;
  #bytes = 0;
  #received = 0;

  constructor(ms: number, clock: Clock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** Aborts with a TimeoutError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Begins an attempt. Returns the function that ends it.
   * @param isBlocked whether this process itself keeps the bytes from being read: the limit starts anew then.
   */
  begin(isBlocked: () => boolean = () => false): () => void {
    this.#idleSince = this.#clock.now();
    let cancel = () => {};
    const arm = () => {
      cancel = this.#clock.after(this.#ms - this.#waitedMs(), () => {
        if (isBlocked()) this.#restart();
        if (this.#waitedMs() < this.#ms) arm();
        else this.#controller.abort(new TimeoutError(`no progress within ${this.#ms / 1000} s`));
      });
    };
    arm();
    return () => {
      cancel();
      this.#spentMs = this.#waitedMs();
    };
  }

  /** Counts bytes that were sent: the attempt does not wait. The next one would send them again. */
  sent(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COUNTED_BYTES) return;
    this.#bytes = 0;
    this.#idleSince = this.#clock.now();
  }

  /** Counts bytes that were received: the call has come closer to its end, so enough of them begin the limit anew. */
  received(bytes: number): void {
    this.sent(bytes);
    this.#received += bytes;
    if (this.#received < PROGRESS_BYTES) return;
    this.#received = 0;
    this.#spentMs = 0;
  }

  #restart(): void {
    this.#spentMs = 0;
    this.#idleSince = this.#clock.now();
  }

  #waitedMs(): number {
    return this.#spentMs + this.#clock.now() - this.#idleSince;
  }
}
