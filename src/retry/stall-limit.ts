import type { Clock } from './clock.ts';
import { TimeoutError } from './time-limits.ts';

/** Bytes that end a wait. With fewer, a server that moves a byte now and then would never time out. */
export const COUNTED_BYTES = 64 * 1024;

/** Bytes that make up for the waits before. With fewer, a server that stops in each attempt would take many of them. */
const PROGRESS_BYTES = 1024 * 1024;

/** Waits of at most this many ms do not add up: a listing of many pages is no standstill. */
const SHORT_WAIT_MS = 2000;

/**
 * Time that the calls of one operation have waited for a server. Without it, each of several calls in a row could wait for
 * its whole limit. A moment in which several calls wait counts once.
 */
export class WaitedTime {
  #ms = 0;
  #countedUntil = Number.NEGATIVE_INFINITY;

  /** In ms, without the waits that last. */
  get ms(): number {
    return this.#ms;
  }

  /** Returns the time in ms, as if a wait from `since` ended now. */
  with(since: number, now: number): number {
    return this.#ms + Math.max(0, now - Math.max(since, this.#countedUntil));
  }

  /** Adds a wait from `since` until `now`, which may be to come. */
  add(since: number, now: number): void {
    if (now - since <= SHORT_WAIT_MS) return;
    this.#ms = this.with(since, now);
    // A requested wait may end later
    this.#countedUntil = Math.max(this.#countedUntil, now);
  }

  /** Forgets the waits so far, because the operation has come closer to its end. */
  clear(): void {
    this.#ms = 0;
  }
}

/**
 * Aborts its signal when the attempts of one call have waited too long, together with the calls that waited before it. Waits
 * between attempts do not count, since their number is the user's choice, except those that the server requests.
 */
export class StallLimit {
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #waited: WaitedTime;
  readonly #controller = new AbortController();
  #idleSince = 0;
  /** Bytes since the last wait ended. */
  #bytes = 0;
  #completed = 0;

  constructor(ms: number, clock: Clock, waited: WaitedTime) {
    this.#ms = ms;
    this.#clock = clock;
    this.#waited = waited;
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
        else this.#abort();
      });
    };
    arm();
    return () => {
      cancel();
      this.#waited.add(this.#idleSince, this.#clock.now());
    };
  }

  /**
   * Counts a wait of this many ms that the server requests, before it begins. Aborts if the calls would have waited too long
   * at its end.
   */
  requested(ms: number): void {
    const now = this.#clock.now();
    this.#waited.add(now, now + ms);
    if (this.#waited.ms >= this.#ms) this.#abort();
  }

  /** Counts bytes that were sent: the attempt does not wait. The next one would send them again. */
  sent(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COUNTED_BYTES) return;
    this.#bytes = 0;
    this.#idleSince = this.#clock.now();
  }

  /** Counts bytes that no other attempt moves again: enough of them make up for the waits before. */
  completed(bytes: number): void {
    this.sent(bytes);
    this.#completed += bytes;
    if (this.#completed < PROGRESS_BYTES) return;
    this.#completed = 0;
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
    return this.#waited.with(this.#idleSince, this.#clock.now());
  }
}
