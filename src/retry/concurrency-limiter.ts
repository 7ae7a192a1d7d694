/** Transfers without a refusal after which the limit is raised by one. If that is too many, it costs a refusal. */
const STEADY = 16;

/** A transfer is refused if the server had too many of them. */
export type TransferResult = 'accepted' | 'refused' | 'failed';

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

  /** Resolves when a place is free. Its holder must leave. Rejects with the signal's reason while it waits. */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#running < this.#most) this.#running++;
    else await this.#turn(signal);
  }

  /** Frees a place. */
  leave(result: TransferResult): void {
    if (result === 'accepted') this.#accepted();
    if (result === 'refused') this.#refused();
    this.#running--;
    this.#admit();
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
