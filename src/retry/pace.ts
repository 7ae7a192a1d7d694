import { type Clock, sleep } from './clock.ts';

const FIRST_INTERVAL_MS = 250;
const LONGEST_INTERVAL_MS = 2000;
/** A shorter interval is none. */
const SHORTEST_INTERVAL_MS = 100;
/** Requests in a row without a refusal, after which the interval becomes a quarter shorter. */
const STEADY = 16;
/** A server may request any wait; a job cannot wait for ever. */
const LONGEST_REQUESTED_MS = 20_000;

/** A refusal as too many requests (429, 503). */
export interface RateRefusal {
  /** When the request began, by the clock. */
  readonly begunMs: number;
  /** No other request was in flight: then it is the rate that is too high, not the number of requests at once. */
  readonly alone: boolean;
  /** The server means a rate for certain, and not that it is down: 429, or a wait that it requests. */
  readonly certain: boolean;
  /** The wait that the server requests, in ms. */
  readonly waitMs: number | undefined;
}

/**
 * Spaces requests out to the rate that a server accepts, learned from its refusals. Without this, requests that a rate limit
 * refused would be repeated at the same rate until their attempts are used up.
 */
export class Pace {
  readonly #clock: Clock;
  #intervalMs = 0;
  /** When the next request may begin. */
  #nextMs = 0;
  #loweredMs = Number.NEGATIVE_INFINITY;
  #steady = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a request may begin. Rejects with the signal's reason while it waits. */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    const now = this.#clock.now();
    const beginMs = Math.max(now, this.#nextMs);
    if (this.#intervalMs > 0) this.#nextMs = beginMs + this.#intervalMs;
    if (beginMs > now) await sleep(beginMs - now, this.#clock, signal);
  }

  /** Notes a request that was not refused. */
  accepted(): void {
    if (++this.#steady < STEADY || this.#intervalMs === 0) return;
    this.#steady = 0;
    this.#intervalMs *= 0.75;
    if (this.#intervalMs < SHORTEST_INTERVAL_MS) this.#intervalMs = 0;
  }

  /** Notes a refusal. Requests that had begun before the rate was last lowered prove nothing about it. */
  refused({ begunMs, alone, certain, waitMs = 0 }: RateRefusal): void {
    const now = this.#clock.now();
    this.#nextMs = Math.max(this.#nextMs, now + waitMs);
    // A proxy whose server is down refuses all, at any rate
    const isRate = certain || (alone && this.#steady > 0);
    if (!isRate || begunMs < this.#loweredMs) return;
    this.#loweredMs = now;
    this.#steady = 0;
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.max(FIRST_INTERVAL_MS, this.#intervalMs * 2));
    this.#nextMs = Math.max(this.#nextMs, now + this.#intervalMs);
  }
}

/**
 * Returns the wait of a `Retry-After` header in ms (RFC 9110, 10.2.3), which has seconds or a date: at most 20,000. Returns
 * undefined for no such header.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Math.min(Number(value) * 1000, LONGEST_REQUESTED_MS);
  const at = value.endsWith(' GMT') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.min(at - nowMs, LONGEST_REQUESTED_MS));
}
