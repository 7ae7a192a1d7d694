import type { Readable } from 'node:stream';
import type { Log } from '../../../report/log.ts';
import type { Clock } from '../../../retry/clock.ts';
import { ConcurrencyLimiter } from '../../../retry/concurrency-limiter.ts';
import { Pace, retryAfterMs } from '../../../retry/pace.ts';
import { SendWindow, type WindowPlace } from '../../../retry/send-window.ts';
import { isStatus, isTooMany, s3Code, summaryOf } from '../errors/classify.ts';
import { clockDifference } from '../errors/refusals.ts';
import { refusedResponse } from '../errors/refused-response.ts';
import { NoResponseError } from '../transport/timers.ts';
import type { TransportResponse } from '../transport/transport.ts';
import type { CallProgress, CallSpec } from './call.ts';
import type { CallLimits } from './call-limits.ts';

/** The right to send one attempt. */
interface Turn {
  /** Counts bytes of its body that were sent. */
  sent(bytes: number): void;
  /** Ends it. Lowers the limits where the server has refused it as one of too many. `failure` is undefined after a success. */
  end(failure: unknown): void;
}

interface AttemptOptions<T> {
  readonly limits: CallLimits;
  /** Ends the wait for the turn. */
  readonly signal: AbortSignal | undefined;
  /** Called in the turn. Throws if the attempt need not be sent any more. */
  readonly check: () => void;
  readonly send: (onResponse: (response: TransportResponse) => void, progress: CallProgress) => Promise<T>;
}

/**
 * Makes the attempts of a store's calls, each in its turn: the number of transfers at once, the bytes without a response and
 * the rate of requests follow the refusals of the server.
 */
export class Attempts {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #counters: { requests: number };
  readonly #limiter = new ConcurrencyLimiter();
  readonly #window: SendWindow;
  readonly #pace: Pace;
  #inFlight = 0;
  #isClockNoted = false;

  /** `longestResponseMs` is the longest wait for the response to a body that was sent. */
  constructor(log: Log, clock: Clock, counters: { requests: number }, longestResponseMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#counters = counters;
    this.#window = new SendWindow(clock, longestResponseMs / 2);
    this.#pace = new Pace(clock);
  }

  /** Makes one attempt of a call. Rejects as `check` and `send` do, and with the signal's reason. */
  async make<T>(spec: CallSpec, { limits, signal, check, send }: AttemptOptions<T>): Promise<T> {
    const turn = await this.#turn(spec, limits, signal);
    const endWait = limits.beginAttempt();
    const progress: CallProgress = {
      completed: bytes => limits.progress.completed(bytes),
      sent(bytes) {
        turn.sent(bytes);
        limits.progress.sent(bytes);
      },
    };
    let failure: unknown;
    try {
      check();
      return await this.#logged(spec, onResponse => send(onResponse, progress));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      endWait?.();
      turn.end(failure);
    }
  }

  /** Waits until there is a place for a transfer and room for its body, and the rate allows a request. */
  async #turn(
    { transfer, sendsBytes }: CallSpec,
    limits: CallLimits,
    signal: AbortSignal | undefined,
  ): Promise<Turn> {
    if (transfer) await this.#limiter.enter(signal);
    let place: WindowPlace | undefined;
    const leave = (failure: unknown) => {
      place?.leave(
        failure === undefined ? 'responded' : failure instanceof NoResponseError ? 'late' : 'failed',
      );
      if (!transfer) return;
      this.#limiter.leave(failure === undefined ? 'accepted' : isTooMany(failure) ? 'refused' : 'failed');
    };
    try {
      if (transfer && sendsBytes !== undefined) place = await this.#window.enter(sendsBytes, signal);
      await this.#pace.turn(signal);
    } catch (error) {
      leave(error);
      throw error;
    }
    const begunMs = this.#clock.now();
    const alone = ++this.#inFlight === 1;
    return {
      sent: bytes => place?.sent(bytes),
      end: failure => {
        this.#inFlight--;
        if (failure === undefined) this.#pace.accepted();
        else this.#slowDown(failure, begunMs, alone, limits);
        leave(failure);
      },
    };
  }

  #slowDown(failure: unknown, begunMs: number, alone: boolean, limits: CallLimits): void {
    if (!isStatus(failure, 429) && !isStatus(failure, 503)) return;
    const waitMs = retryAfterMs(refusedResponse(failure)?.headers['retry-after'], Date.now());
    if (waitMs !== undefined) limits.requestedWait(waitMs);
    const certain = isStatus(failure, 429) || waitMs !== undefined;
    // A wait that would be too long is not waited for: what the step does instead begins at once
    this.#pace.refused({ begunMs, alone, certain, waitMs: limits.isStalled ? undefined : waitMs });
  }

  async #logged<T>(
    { operation, about }: CallSpec,
    send: (onResponse: (response: TransportResponse) => void) => Promise<T>,
  ): Promise<T> {
    const begin = this.#clock.now();
    let result = 'no response';
    let body: Readable | undefined;
    try {
      return await this.#byServersClock(() =>
        send(response => {
          result = String(response.status);
          body = response.body;
        }),
      );
    } catch (error) {
      result = summaryOf(error);
      // A body that the SDK did not read would hold its connection
      body?.destroy();
      throw error;
    } finally {
      this.#log.debug(`s3 ${operation} ${about}: ${result}, ${Math.round(this.#clock.now() - begin)} ms`);
    }
  }

  /**
   * Sends an attempt, and once more after RequestTimeTooSkewed: the SDK has then learned the server's clock, and signs by it.
   * May be repeated whatever the call is, because the server has refused the first request.
   */
  async #byServersClock<T>(send: () => Promise<T>): Promise<T> {
    this.#counters.requests++;
    try {
      return await send();
    } catch (error) {
      if (s3Code(error) !== 'RequestTimeTooSkewed') throw error;
      if (!this.#isClockNoted) {
        const cause = clockDifference(error);
        this.#log.notice(`Requests are signed by the server's clock, because ${cause}. Correct the clock.`);
      }
      this.#isClockNoted = true;
      this.#counters.requests++;
      return send();
    }
  }
}
