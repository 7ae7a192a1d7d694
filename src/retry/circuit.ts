/**
 * Remembers that an endpoint was given up. Nobody waits twice for the same dead endpoint: once open, the circuit stays
 * open for the rest of the process.
 */
export class Circuit {
  #cause: Error | undefined;
  #lastCallLeft = true;

  /** Why the endpoint was given up; undefined: it was not. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Gives the endpoint up. The first cause stays. */
  open(cause: Error): void {
    this.#cause ??= cause;
  }

  /** An open circuit lets one short call pass, to clean up behind us. true: this is it. */
  takeLastCall(): boolean {
    const granted = this.#cause !== undefined && this.#lastCallLeft;
    if (granted) this.#lastCallLeft = false;
    return granted;
  }
}
