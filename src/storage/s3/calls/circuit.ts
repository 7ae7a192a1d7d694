import { StoreUnavailableError } from '../../store-errors.ts';

/** The circuit breaker of an endpoint. After it has opened, no call is sent, except one short call that cleans up. */
export class Circuit {
  #failure: Error | undefined;
  #hasLastCall = true;

  /** Opens the circuit because of this failure. */
  open(failure: Error): void {
    this.#failure ??= failure;
  }

  /** Throws the failure if the circuit has opened. */
  check(): void {
    const cause = this.#failure;
    if (cause) throw new StoreUnavailableError(`${cause.message}; no further request was sent`, { cause });
  }

  /** Returns whether this is the one call that cleans up: true once, after the circuit has opened. */
  takeLastCall(): boolean {
    const isLast = this.#failure !== undefined && this.#hasLastCall;
    if (isLast) this.#hasLastCall = false;
    return isLast;
  }
}
