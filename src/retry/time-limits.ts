import type { Clock } from './clock.ts';

/** How long to wait for what, in ms. */
export interface TimeLimitFigures {
  /** Name resolution, TCP and TLS, before the first answer. */
  readonly connectMs: number;
  /** From the request to the first byte of the answer, before the first answer. Bytes we send count as progress. */
  readonly firstByteMs: number;
  /** All attempts of all calls together, before the first answer. */
  readonly firstAnswerMs: number;
  /** Once the endpoint has answered: silence in both directions. */
  readonly idleMs: number;
  /** Calls during which a server works in silence (joining parts, copying a range): all attempts together. */
  readonly serverWorkMs: number;
}

export const TIME_LIMITS: TimeLimitFigures = {
  connectMs: 2000,
  firstByteMs: 4000,
  firstAnswerMs: 9000,
  idleMs: 15_000,
  serverWorkMs: 120_000,
};

export class TimeoutError extends Error {
  override name = 'TimeoutError';
}

/**
 * The patience that an endpoint has earned. One that never answered gets little, so that a build does not wait for a
 * dead bucket; one that has answered once is known to be there and may be slow.
 */
export class TimeLimits {
  readonly figures: TimeLimitFigures;
  readonly #clock: Clock;
  readonly #firstAnswer = new AbortController();
  #cancel: (() => void) | undefined;
  #answered = false;

  constructor(clock: Clock, figures: TimeLimitFigures = TIME_LIMITS) {
    this.#clock = clock;
    this.figures = figures;
  }

  /** Limits of one request that starts now, in ms: until connected, and of silence after that. */
  get request(): { readonly connectMs: number; readonly idleMs: number } {
    const { connectMs, firstByteMs, idleMs } = this.figures;
    return this.#answered ? { connectMs: idleMs, idleMs } : { connectMs, idleMs: firstByteMs };
  }

  /**
   * A call begins. Until the first answer the calls share one signal, which aborts `firstAnswerMs` after the first of
   * them began; afterwards there is none.
   */
  callBegins(): AbortSignal | undefined {
    if (this.#answered) return undefined;
    this.#cancel ??= this.#clock.after(this.figures.firstAnswerMs, () =>
      this.#firstAnswer.abort(new TimeoutError(`no answer within ${this.figures.firstAnswerMs / 1000} s`)),
    );
    return this.#firstAnswer.signal;
  }

  /** Whether the endpoint has sent the head of an answer in this process. */
  get hasAnswered(): boolean {
    return this.#answered;
  }

  /** The endpoint has sent the head of an answer, whatever it says. */
  answered(): void {
    this.#answered = true;
    this.#cancel?.();
  }

  /** No call will follow: lets go of the timer. */
  close(): void {
    this.#cancel?.();
  }
}
