import type { Clock } from './clock.ts';
import { TimeoutError } from './time-limits.ts';

/** Bytes that count as progress. With fewer, a server that sends a byte now and then would never time out. */
const PROGRESS_BYTES = 64 * 1024;

/**
 * Aborts its signal when the attempts of one call make no progress for too long, all of them together. Waits between
 * attempts do not count: how many there are is the user's choice.
 */
export class StallLimit {
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  /** Time without progress that earlier attempts took, in ms. */
  #spentMs = 0;
  #idleSince = 0;
  #bytes = 0;

  constructor(ms: number, clock: Clock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** Aborts with a TimeoutError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs one attempt under the limit. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    this.#idleSince = this.#clock.now();
    let cancel = () => {};
    const arm = () => {
      cancel = this.#clock.after(this.#ms - this.#idleMs(), () => {
        if (this.#idleMs() < this.#ms) arm();
        else this.#controller.abort(new TimeoutError(`no progress within ${this.#ms / 1000} s`));
      });
    };
    arm();
    try {
      return await attempt();
    } finally {
      cancel();
      this.#spentMs = this.#idleMs();
    }
  }

  /** Counts bytes that moved in the attempt that runs. */
  progressed(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < PROGRESS_BYTES) return;
    this.#bytes = 0;
    this.#spentMs = 0;
    this.#idleSince = this.#clock.now();
  }

  #idleMs(): number {
    return this.#spentMs + this.#clock.now() - this.#idleSince;
  }
}
