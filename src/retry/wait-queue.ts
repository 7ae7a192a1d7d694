/** The end of a request that had a place. It is late if no response began in time, refused if the server has too many requests. */
export type RequestResult = 'accepted' | 'late' | 'refused' | 'failed';

/** Callers that wait for a place, in order of arrival. */
export class WaitQueue<Need, Place> {
  readonly #waiters: { readonly need: Need; readonly admit: (place: Place) => void }[] = [];

  /** The first caller's need. Undefined if no caller waits. */
  get first(): Need | undefined {
    return this.#waiters[0]?.need;
  }

  /** Resolves with the place when the caller is admitted. Rejects with the signal's reason if that aborts before. */
  async wait(need: Need, signal: AbortSignal | undefined): Promise<Place> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiter = { need, admit: resolve };
    const onAbort = () => {
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiters.push(waiter);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Admits the first caller. */
  admit(place: Place): void {
    this.#waiters.shift()?.admit(place);
  }
}
