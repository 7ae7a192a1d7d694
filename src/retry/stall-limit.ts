import type { Clock } from './clock.ts';
import { TimeoutError } from './time-limits.ts';

/** Bytes that end a wait. With fewer, a server that transfers a byte now and then would never time out. */
export const COUNTED_BYTES = 64 * 1024;

/** Bytes after which the earlier waits are forgotten. With fewer, a server that stops in each attempt would cause many waits. */
const PROGRESS_BYTES = 1024 * 1024;

/** Maximum time in ms of a wait that is not added: a listing of many pages makes progress. */
const SHORT_WAIT_MS = 2000;

/**
 * Time for which the calls of one operation have waited for a server. Without it, each of several calls in a row could wait for
 * its whole limit. Time in which several calls wait counts once.
 */
export class WaitedTime {
  #ms = 0;
  #countedUntil = Number.NEGATIVE_INFINITY;

  /** The time in ms, without waits that have not ended. */
  get ms(): number {
    return this.#ms;
  }

  /** Returns the time in ms with one more wait, which is not added. */
  msWithWait(since: number, until: number): number {
    return this.#ms + Math.max(0, until - Math.max(since, this.#countedUntil));
  }

  /** Adds a wait. `until` may be in the future. */
  add(since: number, until: number): void {
    if (until - since <= SHORT_WAIT_MS) return;
    this.#ms = this.msWithWait(since, until);
    // A wait that was added before may end later
    this.#countedUntil = Math.max(this.#countedUntil, until);
  }

  /** Forgets the waits, because the operation has got closer to its end. */
  clear(): void {
    this.#ms = 0;
  }
}

/**
 * Aborts its signal when the attempts of one call and the earlier calls have waited too long together. Waits between attempts
 * count only if the server requests them, since the user chooses the number of attempts.
 */
export class StallLimit {
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #waited: WaitedTime;
  readonly #controller = new AbortController();
  /** Time at which the current wait began. */
  #idleSince = 0;
  /** Bytes since the current wait began. */
  #bytes = 0;
  /** Bytes since the earlier waits were last forgotten. */
  #completedBytes = 0;

  constructor(ms: number, clock: Clock, waited: WaitedTime) {
    this.#ms = ms;
    this.#clock = clock;
    this.#waited = waited;
  }

  /** Signal that aborts with a TimeoutError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Begins an attempt. Returns the function that ends it.
   * @param isBlocked returns whether this process itself reads no bytes. Then the limit begins again.
   */
  begin(isBlocked: () => boolean = () => false): () => void {
    this.#idleSince = this.#clock.now();
    let cancel = () => {};
    const arm = () => {
      cancel = this.#clock.after(this.#ms - this.#waitedMs(), () => {
        if (isBlocked()) this.#restart();
        if (this.#waitedMs() < this.#ms) arm();
        else this.#abort();
      });
    };
    arm();
    return () => {
      cancel();
      this.#waited.add(this.#idleSince, this.#clock.now());
    };
  }

  /** Counts a wait that the server requests, before it begins. Aborts if the calls would have waited too long at its end. */
  countRequestedWait(ms: number): void {
    const now = this.#clock.now();
    this.#waited.add(now, now + ms);
    if (this.#waited.ms >= this.#ms) this.#abort();
  }

  /** Counts bytes that were sent. They end the current wait only, because the next attempt would send them again. */
  countSent(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COUNTED_BYTES) return;
    this.#bytes = 0;
    this.#idleSince = this.#clock.now();
  }

  /** Counts bytes that no other attempt transfers again. After enough of them, the earlier waits are forgotten. */
  countCompleted(bytes: number): void {
    this.countSent(bytes);
    this.#completedBytes += bytes;
    if (this.#completedBytes < PROGRESS_BYTES) return;
    this.#completedBytes = 0;
    this.#waited.clear();
  }

  #abort(): void {
    this.#controller.abort(new TimeoutError(`no progress within ${this.#ms / 1000} s`));
  }

  #restart(): void {
    this.#waited.clear();
    this.#idleSince = this.#clock.now();
  }

  #waitedMs(): number {
    return this.#waited.msWithWait(this.#idleSince, this.#clock.now());
  }
}
