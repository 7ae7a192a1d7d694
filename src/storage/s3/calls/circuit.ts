import { StoreUnavailableError } from '../../store-errors.ts';

/**
 * The circuit breaker of an endpoint. A failure opens it for the rest of the process: no further call is sent, except one short
 * call that cleans up.
 */
export class Circuit {
  /** The failure for which the endpoint was given up. */
  #cause: Error | undefined;
  #lastCallLeft = true;

  open(cause: Error): void {
    this.#cause ??= cause;
  }

  /** Throws `StoreUnavailableError` for a call of this name if the circuit is open. */
  refuseWhenOpen(operation: string): void {
    const cause = this.#cause;
    if (cause) throw new StoreUnavailableError(`${cause.message}; ${operation} was not sent`, { cause });
  }

  /** Returns true once on an open circuit. */
  takeLastCall(): boolean {
    const isGranted = this.#cause !== undefined && this.#lastCallLeft;
    if (isGranted) this.#lastCallLeft = false;
    return isGranted;
  }
}
