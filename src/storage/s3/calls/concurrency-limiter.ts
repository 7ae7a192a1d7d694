import { isStatus, s3Code } from './s3-errors.ts';

/** After so many transfers without a refusal one more at once is tried: that costs a refusal where it is too many. */
const STEADY = 16;

/**
 * How many transfers at once a server takes, learnt from its refusals.
 *
 * Without this a part that was refused can starve: while it waits for its next attempt, the parts after it take each
 * place that gets free. Of a server with two places and parts of a second each, no save got through in five attempts.
 * Whoever waits here does not use attempts up, and turns go by order of arrival.
 */
export class ConcurrencyLimiter {
  #most = Number.POSITIVE_INFINITY;
  #running = 0;
  #steady = 0;
  readonly #queue: (() => void)[] = [];

  /** Makes an attempt when its turn has come. Rejects as the attempt does, or while it waits with the signal's reason. */
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

  /** What else is running is what the server takes. */
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

/** radosgw and AWS say 503 SlowDown. A 503 without a code of S3 is a proxy's, whose server is away altogether. */
function isTooMany(error: unknown): boolean {
  return isStatus(error, 429) || (isStatus(error, 503) && s3Code(error) !== undefined);
}
