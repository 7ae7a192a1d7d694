/**
 * Remembers that an endpoint was given up, so that no call waits for the same dead endpoint again. Once open, the circuit
 * stays open for the rest of the process.
 */
export class Circuit {
  #cause: Error | undefined;
  #lastCallLeft = true;

  /** The failure for which the endpoint was given up. Undefined while the circuit is closed. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Gives the endpoint up. Keeps the first cause. */
  open(cause: Error): void {
    this.#cause ??= cause;
  }

  /** Returns true once on an open circuit, for one short call that cleans up. */
  takeLastCall(): boolean {
    const granted = this.#cause !== undefined && this.#lastCallLeft;
    if (granted) this.#lastCallLeft = false;
    return granted;
  }
}
