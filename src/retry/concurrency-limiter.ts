import { WaitingLine } from './waiting-line.ts';

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
  readonly #line = new WaitingLine<true, void>();

  /** Resolves when a place is free. Its holder must leave. Rejects with the signal's reason while it waits. */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.#running < this.#most) this.#running++;
    else await this.#line.turn(true, signal);
  }

  /** Frees a place. */
  leave(result: TransferResult): void {
    if (result === 'accepted') this.#accepted();
    if (result === 'refused') this.#refused();
    this.#running--;
    this.#admit();
  }

  #admit(): void {
    while (this.#line.first && this.#running < this.#most) {
      this.#running++;
      this.#line.admit();
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
