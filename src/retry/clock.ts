/** The time and timers of the retry layer. Tests replace it to control the time. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /**
   * Calls `callback` once after `ms` milliseconds, when this thread has received what had arrived by then: time that it spent
   * on other work does not make a peer late. Returns a function that cancels this.
   */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    // Node warns of a negative time, such as that of a limit that has passed
    const delayMs = Math.max(0, ms);
    let received: NodeJS.Immediate | undefined;
    // Node runs timers before it reads sockets and messages, and immediates after that
    const timer = setTimeout(() => {
      received = setImmediate(callback);
    }, delayMs);
    return () => {
      clearTimeout(timer);
      clearImmediate(received);
    };
  },
};

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
