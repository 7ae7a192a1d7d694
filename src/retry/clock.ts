/** The time and timers of the retry layer. Tests replace it to control the time. */
export interface Clock {
  /** Returns the milliseconds since a fixed moment. Never decreases. */
  now(): number;
  /**
   * Calls `callback` once after `ms` milliseconds, when this thread has received all data that had arrived by then: a peer does
   * not time out because this thread was busy. Returns a function that cancels the call.
   */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    // The time of a limit that has passed is negative, and Node.js would warn of it
    const delayMs = Math.max(0, ms);
    let received: NodeJS.Immediate | undefined;
    // Node.js runs timers before it reads sockets and messages, and immediates after that
    const timer = setTimeout(() => {
      received = setImmediate(callback);
    }, delayMs);
    return () => {
      clearTimeout(timer);
      clearImmediate(received);
    };
  },
};

/** Resolves after `ms` milliseconds. Rejects with the signal's reason as soon as the signal is aborted. */
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
