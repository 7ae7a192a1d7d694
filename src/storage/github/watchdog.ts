/** How long GitHub's cache may keep a job waiting, in ms. */
export interface GitHubLimits {
  /** For each question to the cache service (find, reserve, finalize), the client's own retries included. */
  readonly serviceMs: number;
  /** Without a byte in either direction while an archive is moved. */
  readonly idleMs: number;
}

/**
 * The client alone waits 30 s on a service that answers 503 and about 15 minutes on one that is silent
 * (`@actions/cache` 6.3.0, tried).
 */
export const defaultLimits: GitHubLimits = { serviceMs: 10_000, idleMs: 30_000 };

/**
 * Decides when a call of the client has waited too long. It knows three phases: `service` (a question to the cache
 * service is open: the clock runs from the first attempt), `transfer` (the archive moves: the clock runs from the
 * last byte) and `local` (nothing yet, or tar works: a slow disk is not GitHub's fault, so there is no limit).
 *
 * Times are ms of a monotonic clock, given by the caller.
 */
export class Watchdog {
  readonly #limits: GitHubLimits;
  #phase: 'local' | 'service' | 'transfer' = 'local';
  #since = 0;
  #bytes = 0;
  #children = 0;

  constructor(limits: GitHubLimits) {
    this.#limits = limits;
  }

  requestStarted(kind: 'service' | 'transfer', now: number): void {
    // A retry of the same question goes on with the same clock. Each request of a transfer is progress only
    // when it moves bytes, so it does not restart that clock either.
    if (this.#phase === kind) return;
    this.#phase = kind;
    this.#since = now;
  }

  childStarted(): void {
    this.#children += 1;
    this.#phase = 'local';
  }

  childEnded(): void {
    this.#children -= 1;
  }

  /** @param total bytes of both directions since the call began. */
  bytesMoved(total: number, now: number): void {
    if (total === this.#bytes) return;
    this.#bytes = total;
    if (this.#phase === 'transfer') this.#since = now;
  }

  /** The limit that has passed, in words; undefined: none. */
  overdue(now: number): string | undefined {
    if (this.#children > 0) return undefined;
    const waited = now - this.#since;
    if (this.#phase === 'service' && waited >= this.#limits.serviceMs)
      return `did not answer within ${seconds(this.#limits.serviceMs)}`;
    if (this.#phase === 'transfer' && waited >= this.#limits.idleMs)
      return `did not answer: no byte moved for ${seconds(this.#limits.idleMs)}`;
    return undefined;
  }
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
