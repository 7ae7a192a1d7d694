import type { Clock } from '../../../retry/clock.ts';
import { anySignal, deadline, raceSignal } from '../../../retry/signals.ts';
import { createStallLimit, type WaitedTime } from '../../../retry/stall-limit.ts';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import type { CallProgress, CallSpec } from './call.ts';
import type { SdkHandlerOptions } from './sdk-request-handler.ts';

/** The progress of a call that cleans up after the circuit has opened: its time is fixed. */
const UNCOUNTED: CallProgress = { countSent() {}, countCompleted() {} };

/** The time limits of one call, for all of its attempts together. */
export type CallLimits = ReturnType<typeof createCallLimits>;

/**
 * Creates the limits of a call.
 * @param isLast whether the call cleans up after the circuit has opened, within `lastCallMs`.
 * @param waited time for which the calls of the store have waited together.
 */
export function createCallLimits(
  spec: CallSpec,
  isLast: boolean,
  limits: TimeLimits,
  clock: Clock,
  waited: WaitedTime,
) {
  const { isLongWork, sendsBytes, maxBodyBytes, lastCallMs } = spec;
  const { serverWorkMs, stalledMs, idleTimeoutMs } = limits.figures;
  // The server may work for long once it has a body, and a reverse proxy may pass the body on late
  const mayWork = sendsBytes !== undefined || isLongWork;
  const stallMs = mayWork ? Math.max(stalledMs, serverWorkMs) : stalledMs;
  const cleanUpMs = lastCallMs === undefined ? 0 : waited.ms + lastCallMs;
  const fixed = isLast ? deadline(lastCallMs ?? 0, clock) : undefined;
  const stall = isLast ? undefined : createStallLimit(Math.max(stallMs, cleanUpMs), clock, waited);
  /** Signal that aborts with the caller's, or after `lastCallMs` if `isLast`. */
  const signal = anySignal(spec.signal, fixed?.signal);
  return {
    isLast,
    /** Whether the attempts together have waited too long. */
    get isStalled() {
      return stall?.signal.aborted ?? false;
    },
    /** Counter of the bytes of all attempts. */
    progress: stall ?? UNCOUNTED,
    /** Waits for `work` before the call begins. The wait counts as one of the call. Clears the timer if `work` rejects. */
    async waitFor(work: Promise<void>): Promise<void> {
      const begin = clock.now();
      try {
        await raceSignal(work, signal);
      } catch (error) {
        fixed?.clear();
        throw error;
      } finally {
        waited.add(begin, clock.now());
      }
    },
    /** Starts the time limit of the endpoint. Returns the options of each attempt, with the signal of all limits. */
    begin(): SdkHandlerOptions {
      const abortSignal = anySignal(signal, limits.beginCall(), stall?.signal);
      return {
        maxBodyBytes,
        ...(abortSignal && { abortSignal }),
        ...(isLongWork && { requestTimeout: serverWorkMs }),
        ...(sendsBytes !== undefined && { responseMs: Math.max(serverWorkMs, idleTimeoutMs) }),
      };
    },
    /** Begins an attempt. Returns the function that ends it. */
    beginAttempt: () => stall?.begin(spec.isBlocked),
    /** Counts a wait of this many ms that the server requests, before it begins. */
    countRequestedWait: (ms: number) => stall?.countRequestedWait(ms),
    /** Clears the timer. */
    clear: () => fixed?.clear(),
  };
}
