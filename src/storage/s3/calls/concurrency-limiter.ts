import { isStatus, s3Code } from '../errors/s3-errors.ts';
import { NoResponseError } from '../transport/timers.ts';

/** Transfers without a refusal after which the limit is raised by one. If that is too many, it costs a refusal. */
const STEADY = 16;

/**
 * Limits the transfers in flight to what the server accepts, learnt from its refusals.
 *
 * Without this a refused part can starve: while it waits for its next attempt, the parts after it take each place that
 * becomes free. On a server with two places and parts of a second each, no save succeeded in five attempts. A transfer
 * that waits here uses up no attempt, and transfers start in order of arrival.
 */
export class ConcurrencyLimiter {
  #most = Number.POSITIVE_INFINITY;
  #running = 0;
  #steady = 0;
  readonly #queue: (() => void)[] = [];

  /** Runs an attempt when a place is free. Rejects as the attempt does, or with the signal's reason while it waits. */
  async run<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (this.#running < this.#most) this.#running++;
    else await this.#turn(signal);
    try {
      const result = await attempt();
      this.#accepted();
      return result;
    } catch (error) {
      if (isTooMany(error)) this.#refused();
      throw error;
    } finally {
      this.#running--;
      this.#admit();
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      const at = this.#queue.indexOf(resolve);
      if (at >= 0) this.#queue.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#queue.push(resolve);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #admit(): void {
    while (this.#queue.length > 0 && this.#running < this.#most) {
      this.#running++;
      this.#queue.shift()?.();
    }
  }

  /** Lowers the limit to the other running transfers, which the server has accepted. */
  #refused(): void {
    this.#most = Math.max(1, Math.min(this.#most, this.#running - 1));
    this.#steady = 0;
  }

  #accepted(): void {
    if (++this.#steady < STEADY) return;
    this.#most++;
    this.#steady = 0;
  }
}

/**
 * radosgw and AWS return 503 SlowDown. A 503 without an S3 code comes from a proxy whose server is down. Bodies that a front
 * took and has not passed on in time share a slow link: fewer at once arrive sooner.
 */
function isTooMany(error: unknown): boolean {
  if (error instanceof NoResponseError) return true;
  return isStatus(error, 429) || (isStatus(error, 503) && s3Code(error) !== undefined);
}
