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
 * Creates the limit whose signal aborts when the attempts of one call and the earlier calls have waited longer than `limitMs`
 * together. Waits between attempts count only if the server requests them, since the user chooses the number of attempts.
 */
export function createStallLimit(limitMs: number, clock: Clock, waited: WaitedTime) {
  const controller = new AbortController();
  /** Time at which the current wait began. */
  let idleSince = 0;
  /** Bytes since the current wait began. */
  let sentBytes = 0;
  /** Bytes since the earlier waits were last forgotten. */
  let completedBytes = 0;
  const waitedMs = () => waited.msWithWait(idleSince, clock.now());
  const abort = () => controller.abort(new TimeoutError(`no progress within ${limitMs / 1000} s`));
  /** Counts bytes that were sent. They end the current wait only, because the next attempt would send them again. */
  const countSent = (bytes: number) => {
    sentBytes += bytes;
    if (sentBytes < COUNTED_BYTES) return;
    sentBytes = 0;
    idleSince = clock.now();
  };
  return {
    /** Signal that aborts with a TimeoutError. */
    signal: controller.signal,
    countSent,
    /** Counts bytes that no other attempt transfers again. After enough of them, the earlier waits are forgotten. */
    countCompleted(bytes: number): void {
      countSent(bytes);
      completedBytes += bytes;
      if (completedBytes < PROGRESS_BYTES) return;
      completedBytes = 0;
      waited.clear();
    },
    /** Counts a wait that the server requests, before it begins. Aborts if the calls would have waited too long at its end. */
    countRequestedWait(ms: number): void {
      const now = clock.now();
      waited.add(now, now + ms);
      if (waited.ms >= limitMs) abort();
    },
    /**
     * Begins an attempt. Returns the function that ends it.
     * @param isBlocked returns whether this process itself reads no bytes. Then the limit begins again.
     */
    begin(isBlocked: () => boolean = () => false): () => void {
      idleSince = clock.now();
      let cancel = () => {};
      const arm = () => {
        cancel = clock.after(limitMs - waitedMs(), () => {
          if (isBlocked()) {
            waited.clear();
            idleSince = clock.now();
          }
          if (waitedMs() < limitMs) arm();
          else abort();
        });
      };
      arm();
      return () => {
        cancel();
        waited.add(idleSince, clock.now());
      };
    },
  };
}
