import { StoreUnavailableError } from '../../store-errors.ts';
import type { CallSpec } from './call.ts';

/** Whether an endpoint is still called. Once it was given up no call is sent, except one short call that cleans up. */
export class Circuit {
  #failure: Error | undefined;
  #lastCallLeft = true;

  /** Gives the endpoint up, because of this failure. */
  open(failure: Error): void {
    this.#failure ??= failure;
  }

  /** Throws if the endpoint was given up. */
  check({ operation }: CallSpec): void {
    const cause = this.#failure;
    if (cause) throw new StoreUnavailableError(`${cause.message}; ${operation} was not sent`, { cause });
  }

  /** Returns true once after the endpoint was given up. */
  takeLastCall(): boolean {
    const isGranted = this.#failure !== undefined && this.#lastCallLeft;
    if (isGranted) this.#lastCallLeft = false;
    return isGranted;
  }
}
