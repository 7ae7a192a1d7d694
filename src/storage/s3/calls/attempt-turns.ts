import type { Clock } from '../../../retry/clock.ts';
import { ConcurrencyLimiter } from '../../../retry/concurrency-limiter.ts';
import { Pace } from '../../../retry/pace.ts';
import { SendWindow, type WindowPlace } from '../../../retry/send-window.ts';
import type { RequestResult } from '../../../retry/wait-queue.ts';
import type { FailureKind } from '../errors/s3-errors.ts';
import type { CallProgress, CallSpec } from './call.ts';
import type { CallLimits } from './call-limits.ts';

/**
 * Gives each attempt of a store's calls its turn. The number of transfers at once, the number of bytes without a response and the
 * rate of requests depend on the refusals of the server.
 */
export class AttemptTurns {
  readonly #clock: Clock;
  readonly #limiter = new ConcurrencyLimiter();
  readonly #window: SendWindow;
  readonly #pace: Pace;
  #inFlight = 0;

  /** @param longestResponseMs longest wait for the response to a body that was sent. */
  constructor(clock: Clock, longestResponseMs: number) {
    this.#clock = clock;
    this.#window = new SendWindow(clock, longestResponseMs / 2);
    this.#pace = new Pace(clock);
  }

  /**
   * Waits until there is a place for a transfer and room for its body, and the rate allows a request. Returns the right to send one
   * attempt. Rejects with the signal's reason.
   */
  async next({ isTransfer, sendsBytes }: CallSpec, limits: CallLimits, signal: AbortSignal | undefined) {
    if (isTransfer) await this.#limiter.enter(signal);
    let place: WindowPlace | undefined;
    const leave = (result: RequestResult) => {
      place?.leave(result);
      if (isTransfer) this.#limiter.leave(result);
    };
    try {
      if (isTransfer && sendsBytes !== undefined) place = await this.#window.enter(sendsBytes, signal);
      await this.#pace.wait(signal);
    } catch (error) {
      leave('failed');
      throw error;
    }
    const begunMs = this.#clock.now();
    const isAlone = ++this.#inFlight === 1;
    const endWait = limits.beginAttempt();
    const progress: CallProgress = {
      countCompleted: bytes => limits.progress.countCompleted(bytes),
      countSent(bytes) {
        place?.countSent(bytes);
        limits.progress.countSent(bytes);
      },
    };
    return {
      /** Counts the bytes of the attempt. */
      progress,
      /**
       * Ends the attempt. Lowers the limits if it failed because the server has too many requests.
       * @param failure undefined after a success.
       * @param waitMs the wait that the server requests.
       */
      end: (failure?: FailureKind, waitMs?: number) => {
        endWait?.();
        this.#inFlight--;
        const result = resultOf(failure);
        if (result === 'accepted') this.#pace.noteAccepted();
        if (result === 'refused' || failure === 'down') {
          if (waitMs !== undefined) limits.countRequestedWait(waitMs);
          const isCertain = failure === 'too-many' || waitMs !== undefined;
          // After a wait beyond its limit the call would fail anyway, so it fails at once
          const pausedMs = limits.isStalled ? undefined : waitMs;
          this.#pace.noteRefused({ begunMs, isAlone, isCertain, waitMs: pausedMs });
        }
        leave(result);
      },
    };
  }
}

function resultOf(failure: FailureKind | undefined): RequestResult {
  if (failure === undefined) return 'accepted';
  if (failure === 'late') return 'late';
  return failure === 'too-many' || failure === 'overloaded' ? 'refused' : 'failed';
}
