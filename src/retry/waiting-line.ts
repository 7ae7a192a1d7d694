interface Waiting<Need, Place> {
  readonly need: Need;
  readonly admit: (place: Place) => void;
}

/** Callers that wait for a place, in order of arrival. */
export class WaitingLine<Need, Place> {
  readonly #waiting: Waiting<Need, Place>[] = [];

  /** The first caller's need. Returns undefined if no caller waits. */
  get first(): Need | undefined {
    return this.#waiting[0]?.need;
  }

  /** Resolves with the place when the caller is admitted. Rejects with the signal's reason while it waits. */
  async turn(need: Need, signal: AbortSignal | undefined): Promise<Place> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiting: Waiting<Need, Place> = { need, admit: resolve };
    const onAbort = () => {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(waiting);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Admits the first caller. */
  admit(place: Place): void {
    this.#waiting.shift()?.admit(place);
  }
}
