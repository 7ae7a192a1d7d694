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
  #begunMs = Number.POSITIVE_INFINITY;
  #endedMs = 0;
  #waitedMs = 0;
  #silentMs = 0;

  /** Adds a fetch, by the times of its begin and end. Several may run at once. */
  addFetch(bytes: number, begunMs: number, endedMs: number): void {
    this.#fetchedBytes += bytes;
    this.#begunMs = Math.min(this.#begunMs, begunMs);
    this.#endedMs = Math.max(this.#endedMs, endedMs);
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
    const ownMs = ((this.#endedMs - this.#begunMs) * bytes) / this.#fetchedBytes;
    return this.#waitedMs < Math.max(SILENT_MS, TIMES * ownMs) ? 'wait' : 'fetch all';
  }
}
