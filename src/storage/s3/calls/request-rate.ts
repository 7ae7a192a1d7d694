import type { Clock } from '../../../retry/clock.ts';
import { ConcurrencyLimiter, type TransferResult } from '../../../retry/concurrency-limiter.ts';
import { Pace, retryAfterMs } from '../../../retry/pace.ts';
import { type SendResult, SendWindow } from '../../../retry/send-window.ts';
import { refusedResponse } from '../errors/refused-response.ts';
import { isStatus, isTooMany } from '../errors/s3-errors.ts';
import { NoResponseError } from '../transport/timers.ts';

/** The result of a request, for the rate of the next ones. */
interface RatedRequest {
  accepted(): void;
  /** Lowers the rate if the server has refused the request as one of too many. */
  failed(error: unknown): void;
  /** Called after either. */
  end(): void;
}

/** The number of transfers at once and the rate of requests, which follow the refusals of the server. */
export class RequestRate {
  readonly #clock: Clock;
  readonly #limiter = new ConcurrencyLimiter();
  readonly #window: SendWindow;
  readonly #pace: Pace;
  #inFlight = 0;

  /** `longestAnswerMs` is the longest wait for the response to a body that was sent. */
  constructor(clock: Clock, longestAnswerMs: number) {
    this.#clock = clock;
    this.#window = new SendWindow(clock, longestAnswerMs / 2);
    this.#pace = new Pace(clock);
  }

  /** Resolves when the next request may be sent. Rejects with the signal's reason. */
  turn(signal: AbortSignal | undefined): Promise<void> {
    return this.#pace.turn(signal);
  }

  /** Makes an attempt of a transfer when a place for it is free. */
  async transfer<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await this.#limiter.enter(signal);
    let result: TransferResult = 'accepted';
    try {
      return await attempt();
    } catch (error) {
      result = isTooMany(error) ? 'refused' : 'failed';
      throw error;
    } finally {
      this.#limiter.leave(result);
    }
  }

  /** Makes an attempt that sends `sizeBytes` when there is room for them. `attempt` gets a function that counts the sent bytes. */
  async send<T>(
    sizeBytes: number,
    attempt: (onSent: (bytes: number) => void) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const place = await this.#window.enter(sizeBytes, signal);
    let result: SendResult = 'answered';
    try {
      return await attempt(place.sent);
    } catch (error) {
      result = error instanceof NoResponseError ? 'late' : 'failed';
      throw error;
    } finally {
      place.leave(result);
    }
  }

  /** Begins a request. */
  begin(): RatedRequest {
    const begunMs = this.#clock.now();
    const alone = ++this.#inFlight === 1;
    return {
      accepted: () => this.#pace.accepted(),
      failed: error => {
        if (!isStatus(error, 429) && !isStatus(error, 503)) return;
        const waitMs = retryAfterMs(refusedResponse(error)?.headers['retry-after'], Date.now());
        const certain = isStatus(error, 429) || waitMs !== undefined;
        this.#pace.refused({ begunMs, alone, certain, waitMs });
      },
      end: () => {
        this.#inFlight--;
      },
    };
  }
}
