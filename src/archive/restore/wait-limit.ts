/** Waiting for other jobs ends at so many times the time in which this job would fetch the frames itself. */
const TIMES = 2;
/** While that time is not known, in ms: the wait since the last frame that came, and all waits together. */
const SILENT_MS = 10_000;
const TOTAL_MS = 30_000;

/**
 * Decides how long a job waits for the frames that others have claimed. Any process can hold a claim for ever, so that
 * waiting must never cost much more than fetching.
 */
export class WaitLimit {
  #fetchedBytes = 0;
  #fetches = 0;
  /** Begin of the time in which at least one fetch has been running, and such times before. */
  #fetchingSinceMs = 0;
  #fetchingMs = 0;
  #waitedMs = 0;
  #silentMs = 0;

  /** Notes that a fetch begins. Several may run at once. */
  beginFetch(nowMs: number): void {
    if (this.#fetches++ === 0) this.#fetchingSinceMs = nowMs;
  }

  /** Notes that a fetch of `bytes` has ended. Time in which none runs is not counted: others choose how long that is. */
  endFetch(bytes: number, nowMs: number): void {
    this.#fetchedBytes += bytes;
    if (--this.#fetches === 0) this.#fetchingMs += nowMs - this.#fetchingSinceMs;
  }

  /** `isChanged`: a frame has come, or can be fetched now. */
  addWait(ms: number, isChanged: boolean): void {
    this.#waitedMs += ms;
    this.#silentMs = isChanged ? 0 : this.#silentMs + ms;
  }

  /** Returns what to do about `bytes` of frames that others have claimed. One range shows how long fetching takes. */
  nextStep(bytes: number): 'wait' | 'fetch one' | 'fetch all' {
    if (this.#fetchedBytes === 0) {
      return this.#silentMs < SILENT_MS && this.#waitedMs < TOTAL_MS ? 'wait' : 'fetch one';
    }
    const ownMs = (this.#fetchingMs * bytes) / this.#fetchedBytes;
    return this.#waitedMs < Math.max(SILENT_MS, TIMES * ownMs) ? 'wait' : 'fetch all';
  }
}
