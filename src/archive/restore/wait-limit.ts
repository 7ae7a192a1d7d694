/** Longest wait for other jobs, in multiples of the time in which this job would fetch the frames itself. */
const TIMES = 2;
/** Longest waits in ms while that time is not known: since a frame has arrived, and in all. */
const SILENT_MS = 10_000;
const TOTAL_MS = 30_000;

/**
 * Decides how long a job waits for the frames that others have claimed. Any process can keep a claim for ever, so the wait must
 * never take much longer than fetching the frames.
 */
export class WaitLimit {
  #fetchedBytes = 0;
  #fetches = 0;
  /** Time at which the first of the running fetches began. */
  #fetchingSinceMs = 0;
  /** Earlier time in which at least one fetch was running. */
  #fetchingMs = 0;
  #waitedMs = 0;
  #silentMs = 0;

  /** Notes that a fetch begins. Several may run at once. */
  beginFetch(nowMs: number): void {
    if (this.#fetches++ === 0) this.#fetchingSinceMs = nowMs;
  }

  /** Notes that a fetch of `bytes` has ended. Time without a running fetch does not count: other jobs choose how long that is. */
  endFetch(bytes: number, nowMs: number): void {
    this.#fetchedBytes += bytes;
    if (--this.#fetches === 0) this.#fetchingMs += nowMs - this.#fetchingSinceMs;
  }

  /** Adds a wait for other jobs. With `isChanged`, a frame has arrived, or can be fetched now. */
  addWait(ms: number, isChanged: boolean): void {
    this.#waitedMs += ms;
    this.#silentMs = isChanged ? 0 : this.#silentMs + ms;
  }

  /** Returns the next step for `bytes` of frames that others have claimed. The fetch of one range shows how long fetching takes. */
  nextStep(bytes: number): 'wait' | 'fetch one' | 'fetch all' {
    if (this.#fetchedBytes === 0)
      return this.#silentMs < SILENT_MS && this.#waitedMs < TOTAL_MS ? 'wait' : 'fetch one';
    const ownMs = (this.#fetchingMs * bytes) / this.#fetchedBytes;
    return this.#waitedMs < Math.max(SILENT_MS, TIMES * ownMs) ? 'wait' : 'fetch all';
  }
}
