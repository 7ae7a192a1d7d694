import type { Clock } from './clock.ts';
import { type RequestResult, WaitQueue } from './wait-queue.ts';

/** Maximum number of bodies before the first response. */
const FIRST_BODIES = 2;
/** Time in ms within which a proxy accepts a body. A body that is not sent by then is sent over the slow link directly. */
const SENT_WITHIN_MS = 1000;
/** Bytes at the end of a body that may be sent before they are counted: other threads report a mebibyte at a time. */
const UNREPORTED_BYTES = 1024 * 1024;

/** A body that may be sent. */
export interface WindowPlace {
  /** Counts bytes that were sent. */
  countSent(bytes: number): void;
  /** Frees the place. */
  leave(result: RequestResult): void;
}

/**
 * Creates the limit on the bytes that were sent and have no response yet, by the time that responses take. It is a function that
 * resolves when a body of this size may be sent, and rejects with the signal's reason if that aborts while it waits. Call `leave` of
 * the place to free it.
 *
 * A proxy may accept each body at once and pass it on over a slow link (nginx by default). Then the bodies share the link and are
 * late together. Aborting some of them does not help, because the proxy still passes on the data in the buffers of the system (3
 * MB of each body, nginx 1.22). So there are two bodies at first, and more only after a response arrived in time.
 * @param wantedWaitMs the time that a response should take after its body was sent.
 */
export function createSendWindow(clock: Clock, wantedWaitMs: number) {
  /** Limit on the pending bytes. Undefined before the first response. */
  let windowBytes: number | undefined;
  /** Sizes in bytes of the bodies that were sent, or may be sent soon. */
  const pending = new Map<WindowPlace, number>();
  const queue = new WaitQueue<number, WindowPlace>();
  const pendingBytes = () => [...pending.values()].reduce((sum, bytes) => sum + bytes, 0);

  const fits = (sizeBytes: number) => {
    if (pending.size === 0) return true;
    if (windowBytes === undefined) return pending.size < FIRST_BODIES;
    return pendingBytes() + sizeBytes <= windowBytes;
  };

  const admit = () => {
    for (let next = queue.first; next !== undefined && fits(next); next = queue.first)
      queue.admit(begin(next));
  };

  const begin = (sizeBytes: number) => {
    const togetherBytes = pendingBytes() + sizeBytes;
    let unsentBytes = Math.max(1, sizeBytes - UNREPORTED_BYTES);
    let sentMs: number | undefined;
    const cancel = clock.after(SENT_WITHIN_MS, () => {
      pending.delete(place);
      admit();
    });
    const place: WindowPlace = {
      countSent(bytes) {
        unsentBytes -= bytes;
        if (unsentBytes > 0 || sentMs !== undefined) return;
        cancel();
        sentMs = clock.now();
        pending.set(place, sizeBytes);
      },
      leave(result) {
        cancel();
        pending.delete(place);
        // The next bodies are sent one at a time, until a response allows more
        if (result === 'late') windowBytes = 0;
        if (result === 'accepted') {
          const waitedMs = clock.now() - (sentMs ?? clock.now());
          windowBytes = (togetherBytes * wantedWaitMs) / Math.max(1, waitedMs);
        }
        admit();
      },
    };
    pending.set(place, sizeBytes);
    return place;
  };

  return async (sizeBytes: number, signal: AbortSignal | undefined): Promise<WindowPlace> =>
    queue.first === undefined && fits(sizeBytes) ? begin(sizeBytes) : queue.wait(sizeBytes, signal);
}
