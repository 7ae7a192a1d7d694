import type { Clock } from './clock.ts';

/** Limits on the time that calls to one endpoint may take, in ms. */
export interface TimeLimitFigures {
  /** Limit on name resolution, TCP and TLS before the first response. */
  readonly connectMs: number;
  /** Idle timeout before the first response. Sent bytes count as progress. */
  readonly firstByteMs: number;
  /** Limit on all attempts of all calls together before the first response. */
  readonly firstResponseMs: number;
  /** Idle timeout after the first response, in both directions. */
  readonly idleTimeoutMs: number;
  /** Limit on all attempts of one call together without progress, after the first response. */
  readonly stalledMs: number;
  /**
   * Limit on the time in which the server works and sends nothing. It is on all attempts together if the server joins parts or
   * copies a range. If the server stores a body, it is on each attempt, from the moment when the body has been sent.
   */
  readonly serverWorkMs: number;
}

export const TIME_LIMITS: TimeLimitFigures = {
  connectMs: 2000,
  firstByteMs: 4000,
  firstResponseMs: 9000,
  idleTimeoutMs: 15_000,
  stalledMs: 40_000,
  serverWorkMs: 50_000,
};

export class TimeoutError extends Error {
  override name = 'TimeoutError';
}

/**
 * Chooses the limits of each request to one endpoint. They are short before the first response, so that a job does not wait for
 * an endpoint that is down. An endpoint that has responded may be slow.
 */
export class TimeLimits {
  readonly figures: TimeLimitFigures;
  readonly #clock: Clock;
  readonly #firstResponse = new AbortController();
  #cancel: (() => void) | undefined;
  #hasResponded = false;

  constructor(clock: Clock, figures: TimeLimitFigures) {
    this.#clock = clock;
    this.figures = figures;
  }

  /** Limits of one request that starts now, in ms. */
  get request(): { readonly connectMs: number; readonly idleTimeoutMs: number } {
    const { connectMs, firstByteMs, idleTimeoutMs } = this.figures;
    return this.#hasResponded
      ? { connectMs: idleTimeoutMs, idleTimeoutMs }
      : { connectMs, idleTimeoutMs: firstByteMs };
  }

  /**
   * Begins a call. Returns the signal that all calls share before the first response: it aborts `firstResponseMs`
   * after the first call began. Returns undefined after the first response.
   */
  beginCall(): AbortSignal | undefined {
    if (this.#hasResponded) return undefined;
    this.#cancel ??= this.#clock.after(this.figures.firstResponseMs, () =>
      this.#firstResponse.abort(
        new TimeoutError(`no response within ${this.figures.firstResponseMs / 1000} s`),
      ),
    );
    return this.#firstResponse.signal;
  }

  /** Whether the endpoint has sent the head of a response in this process. */
  get hasResponded(): boolean {
    return this.#hasResponded;
  }

  /** Notes that the endpoint has sent the head of a response, of any status. */
  noteResponse(): void {
    this.#hasResponded = true;
    this.#cancel?.();
  }

  /** Clears the timer: no call will follow. */
  close(): void {
    this.#cancel?.();
  }
}
