import type { Clock } from './clock.ts';

/** Limits on the time that calls to one endpoint take, in ms. */
export interface TimeLimitFigures {
  /** Before the first response: name resolution, TCP and TLS. */
  readonly connectMs: number;
  /** Before the first response: the idle timeout. Bytes that we send count as progress. */
  readonly firstByteMs: number;
  /** Before the first response: all attempts of all calls together. */
  readonly firstResponseMs: number;
  /** After the first response: no byte in either direction. */
  readonly idleTimeoutMs: number;
  /** After the first response: all attempts of one call together, without progress. */
  readonly stalledMs: number;
  /**
   * The server works without sending. Joining parts or copying a range: all attempts together. Storing a body: from the
   * moment when it has been sent, in each attempt.
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
 * Chooses the limits of each request to one endpoint. Before the first response they are short, so that a build does not
 * wait for a dead endpoint; one that has responded once is known to exist and may be slow.
 */
export class TimeLimits {
  readonly figures: TimeLimitFigures;
  readonly #clock: Clock;
  readonly #firstResponse = new AbortController();
  #cancel: (() => void) | undefined;
  #responded = false;

  constructor(clock: Clock, figures: TimeLimitFigures) {
    this.#clock = clock;
    this.figures = figures;
  }

  /** Limits of one request that starts now, in ms. */
  get request(): { readonly connectMs: number; readonly idleTimeoutMs: number } {
    const { connectMs, firstByteMs, idleTimeoutMs } = this.figures;
    return this.#responded
      ? { connectMs: idleTimeoutMs, idleTimeoutMs }
      : { connectMs, idleTimeoutMs: firstByteMs };
  }

  /**
   * Notes that a call begins. Until the first response the calls share the returned signal, which aborts `firstResponseMs`
   * after the first of them began. Returns undefined after the first response.
   */
  callBegins(): AbortSignal | undefined {
    if (this.#responded) return undefined;
    this.#cancel ??= this.#clock.after(this.figures.firstResponseMs, () =>
      this.#firstResponse.abort(
        new TimeoutError(`no response within ${this.figures.firstResponseMs / 1000} s`),
      ),
    );
    return this.#firstResponse.signal;
  }

  /** Whether the endpoint has sent the head of a response in this process. */
  get hasResponded(): boolean {
    return this.#responded;
  }

  /** Notes that the endpoint has sent the head of a response, of any status. */
  responded(): void {
    this.#responded = true;
    this.#cancel?.();
  }

  /** Clears the timer: no call will follow. */
  close(): void {
    this.#cancel?.();
  }
}
