import { type Clock, sleep } from './clock.ts';

const FIRST_INTERVAL_MS = 250;
const LONGEST_INTERVAL_MS = 2000;
/** Minimum interval in ms. A shorter one becomes 0. */
const SHORTEST_INTERVAL_MS = 100;
/** Accepted requests, none refused in between, after which the interval becomes a quarter shorter. */
const SHORTEN_AFTER = 16;
/** Limit on the wait that a server requests, because a job cannot wait for ever. */
const LONGEST_REQUESTED_MS = 20_000;

/** The refusal of a request because there are too many (429, 503). */
export interface RateRefusal {
  /** Time of the clock at which the request began. */
  readonly begunMs: number;
  /** Whether no other request was in flight. Then the rate is too high, and not the number of requests at once. */
  readonly isAlone: boolean;
  /** Whether it is certain that the server limits the rate, and is not down: it sent 429, or requests a wait. */
  readonly isCertain: boolean;
  /** The wait that the server requests, in ms. */
  readonly waitMs: number | undefined;
}

/**
 * Spaces requests out to the rate that a server accepts, which is learnt from its refusals. Without this, refused requests would
 * be repeated at the same rate until their attempts are used up.
 */
export class Pace {
  readonly #clock: Clock;
  #intervalMs = 0;
  /** Time at which the next request may begin. */
  #nextMs = 0;
  /** Time at which the rate was last lowered. */
  #loweredMs = Number.NEGATIVE_INFINITY;
  /** Accepted requests since the rate was last changed. */
  #accepted = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a request may begin. Rejects with the signal's reason if that aborts while it waits. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    const now = this.#clock.now();
    const beginMs = Math.max(now, this.#nextMs);
    if (this.#intervalMs > 0) this.#nextMs = beginMs + this.#intervalMs;
    if (beginMs > now) await sleep(beginMs - now, this.#clock, signal);
  }

  /** Notes a request that was not refused. */
  noteAccepted(): void {
    if (++this.#accepted < SHORTEN_AFTER || this.#intervalMs === 0) return;
    this.#accepted = 0;
    this.#intervalMs *= 0.75;
    if (this.#intervalMs < SHORTEST_INTERVAL_MS) this.#intervalMs = 0;
  }

  /** Notes a refusal. It does not lower the rate if the request began before the rate was last lowered. */
  noteRefused({ begunMs, isAlone, isCertain, waitMs = 0 }: RateRefusal): void {
    const now = this.#clock.now();
    this.#nextMs = Math.max(this.#nextMs, now + waitMs);
    // A proxy whose server is down refuses every request, so it has accepted none
    const isRate = isCertain || (isAlone && this.#accepted > 0);
    if (!isRate || begunMs < this.#loweredMs) return;
    this.#loweredMs = now;
    this.#accepted = 0;
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.max(FIRST_INTERVAL_MS, this.#intervalMs * 2));
    this.#nextMs = Math.max(this.#nextMs, now + this.#intervalMs);
  }
}

/**
 * Returns the wait that a `Retry-After` header requests, in seconds or by a date (RFC 9110, 10.2.3): in ms, at most 20,000.
 * Returns undefined if there is no header, or one of another form.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Math.min(Number(value) * 1000, LONGEST_REQUESTED_MS);
  const at = value.endsWith(' GMT') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.min(at - nowMs, LONGEST_REQUESTED_MS));
}
