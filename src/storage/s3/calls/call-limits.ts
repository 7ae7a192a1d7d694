import type { Clock } from '../../../retry/clock.ts';
import { anySignal, deadline, unlessAborted } from '../../../retry/signals.ts';
import { StallLimit, type WaitedTime } from '../../../retry/stall-limit.ts';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import type { CallProgress, CallSpec } from './call.ts';
import type { SdkHandlerOptions } from './sdk-request-handler.ts';

/** The progress of a call that cleans up after the circuit has opened: its time is fixed. */
const UNCOUNTED: CallProgress = { countSent() {}, countCompleted() {} };

/** The time limits of one call, for all of its attempts together. */
export class CallLimits {
  /** Whether the call cleans up after the circuit has opened, within `lastCallMs`. */
  readonly isLast: boolean;
  readonly #spec: CallSpec;
  readonly #limits: TimeLimits;
  readonly #clock: Clock;
  readonly #waited: WaitedTime;
  readonly #stall: StallLimit | undefined;
  readonly #deadline: ReturnType<typeof deadline> | undefined;

  /** @param waited time for which the calls of the store have waited together. */
  constructor(spec: CallSpec, isLast: boolean, limits: TimeLimits, clock: Clock, waited: WaitedTime) {
    this.isLast = isLast;
    this.#spec = spec;
    this.#limits = limits;
    this.#clock = clock;
    this.#waited = waited;
    const { serverWorkMs, stalledMs } = limits.figures;
    // The server may work for long once it has a body, and a reverse proxy may pass the body on late
    const mayWork = spec.sendsBytes !== undefined || spec.isLongWork;
    const stallMs = mayWork ? Math.max(stalledMs, serverWorkMs) : stalledMs;
    const cleanUpMs = spec.lastCallMs === undefined ? 0 : waited.ms + spec.lastCallMs;
    if (isLast) this.#deadline = deadline(spec.lastCallMs ?? 0, clock);
    else this.#stall = new StallLimit(Math.max(stallMs, cleanUpMs), clock, waited);
  }

  /** Signal that aborts with the caller's, or after `lastCallMs` if `isLast`. */
  get signal(): AbortSignal | undefined {
    return anySignal(this.#spec.signal, this.#deadline?.signal);
  }

  /** Whether the attempts together have waited too long. */
  get isStalled(): boolean {
    return this.#stall?.signal.aborted ?? false;
  }

  /** Counter of the bytes of all attempts. */
  get progress(): CallProgress {
    return this.#stall ?? UNCOUNTED;
  }

  /** Waits for `work` before the call begins. The wait counts as one of the call. Clears the timer if `work` rejects. */
  async waitFor(work: Promise<void>): Promise<void> {
    const begin = this.#clock.now();
    try {
      await unlessAborted(work, this.signal);
    } catch (error) {
      this.clear();
      throw error;
    } finally {
      this.#waited.add(begin, this.#clock.now());
    }
  }

  /** Starts the time limit of the endpoint. Returns the options of each attempt, with the signal of all limits. */
  begin(): SdkHandlerOptions {
    const { isLongWork, sendsBytes, maxBodyBytes } = this.#spec;
    const { serverWorkMs, idleTimeoutMs } = this.#limits.figures;
    const signal = anySignal(this.signal, this.#limits.beginCall(), this.#stall?.signal);
    return {
      maxBodyBytes,
      ...(signal && { abortSignal: signal }),
      ...(isLongWork && { requestTimeout: serverWorkMs }),
      ...(sendsBytes !== undefined && { responseMs: Math.max(serverWorkMs, idleTimeoutMs) }),
    };
  }

  /** Begins an attempt. Returns the function that ends it. */
  beginAttempt(): (() => void) | undefined {
    return this.#stall?.begin(this.#spec.isBlocked);
  }

  /** Counts a wait of this many ms that the server requests, before it begins. */
  countRequestedWait(ms: number): void {
    this.#stall?.countRequestedWait(ms);
  }

  /** Clears the timer. */
  clear(): void {
    this.#deadline?.clear();
  }
}
