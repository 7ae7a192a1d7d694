import type { Clock } from '../../../retry/clock.ts';
import { ConcurrencyLimiter } from '../../../retry/concurrency-limiter.ts';
import { Pace } from '../../../retry/pace.ts';
import { createSendWindow, type WindowPlace } from '../../../retry/send-window.ts';
import type { RequestResult } from '../../../retry/wait-queue.ts';
import type { FailureKind } from '../errors/s3-errors.ts';
import type { CallProgress, CallSpec } from './call.ts';
import type { CallLimits } from './call-limits.ts';

/**
 * Creates the function that gives each attempt of a store's calls its turn. It waits until there is a place for a transfer and room
 * for its body, and the rate allows a request. These limits depend on the refusals of the server. The function returns the right to
 * send one attempt, and rejects with the signal's reason.
 * @param longestResponseMs longest wait for the response to a body that was sent.
 */
export function createAttemptTurns(clock: Clock, longestResponseMs: number) {
  const limiter = new ConcurrencyLimiter();
  const enterWindow = createSendWindow(clock, longestResponseMs / 2);
  const pace = new Pace(clock);
  let inFlight = 0;
  return async (
    { isTransfer, sendsBytes }: CallSpec,
    limits: CallLimits,
    signal: AbortSignal | undefined,
  ) => {
    if (isTransfer) await limiter.enter(signal);
    let place: WindowPlace | undefined;
    const leave = (result: RequestResult) => {
      place?.leave(result);
      if (isTransfer) limiter.leave(result);
    };
    try {
      if (isTransfer && sendsBytes !== undefined) place = await enterWindow(sendsBytes, signal);
      await pace.wait(signal);
    } catch (error) {
      leave('failed');
      throw error;
    }
    const begunMs = clock.now();
    const isAlone = ++inFlight === 1;
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
        inFlight--;
        const result = resultOf(failure);
        if (result === 'accepted') pace.noteAccepted();
        if (result === 'refused' || failure === 'down') {
          if (waitMs !== undefined) limits.countRequestedWait(waitMs);
          const isCertain = failure === 'too-many' || waitMs !== undefined;
          // After a wait beyond its limit the call would fail anyway, so it fails at once
          const pausedMs = limits.isStalled ? undefined : waitMs;
          pace.noteRefused({ begunMs, isAlone, isCertain, waitMs: pausedMs });
        }
        leave(result);
      },
    };
  };
}

function resultOf(failure: FailureKind | undefined): RequestResult {
  if (failure === undefined) return 'accepted';
  if (failure === 'late') return 'late';
  return failure === 'too-many' || failure === 'overloaded' ? 'refused' : 'failed';
}
