/** Limits on the time that a job waits for GitHub's cache, in ms. */
export interface GitHubTimeouts {
  /** For each call of the cache service (find, reserve, finalize), the client's own retries included. */
  readonly serviceTimeoutMs: number;
  /** Without a byte in either direction while an archive is transferred. */
  readonly idleTimeoutMs: number;
}

/**
 * The client alone waits 30 s for a service that responds with 503 and about 15 minutes for one that does not respond
 * (`@actions/cache` 6.3.0, measured).
 */
export const GITHUB_TIMEOUTS: GitHubTimeouts = { serviceTimeoutMs: 10_000, idleTimeoutMs: 30_000 };

/**
 * Decides when a call of the client has waited too long: for the service since the first attempt, in a transfer since
 * the last byte. While a program (tar) runs, and from then until the next request, there is no limit: a slow disk is not
 * GitHub's fault. Times are ms of a monotonic clock, passed by the caller.
 */
export class Watchdog {
  readonly #timeouts: GitHubTimeouts;
  #phase: 'local' | 'service' | 'transfer' = 'local';
  #sinceMs = 0;
  #bytes = 0;
  #programs = 0;

  constructor(timeouts: GitHubTimeouts) {
    this.#timeouts = timeouts;
  }

  requestStarted(kind: 'service' | 'transfer', nowMs: number): void {
    // neither a retry of a service call nor a further request of a transfer restarts the clock
    if (this.#phase === kind) return;
    this.#phase = kind;
    this.#sinceMs = nowMs;
  }

  programStarted(): void {
    this.#programs += 1;
    this.#phase = 'local';
  }

  programEnded(): void {
    this.#programs -= 1;
  }

  /** @param total bytes of both directions since the call began. */
  bytesMoved(total: number, nowMs: number): void {
    if (total !== this.#bytes && this.#phase === 'transfer') this.#sinceMs = nowMs;
    this.#bytes = total;
  }

  /** Returns the limit that has passed, as a clause for a message. Returns undefined if none has. */
  expired(nowMs: number): string | undefined {
    if (this.#programs > 0 || this.#phase === 'local') return undefined;
    const { serviceTimeoutMs, idleTimeoutMs } = this.#timeouts;
    const isService = this.#phase === 'service';
    if (nowMs - this.#sinceMs < (isService ? serviceTimeoutMs : idleTimeoutMs)) return undefined;
    return isService
      ? `did not respond within ${serviceTimeoutMs / 1000} s`
      : `did not respond: no byte was transferred for ${idleTimeoutMs / 1000} s`;
  }
}
