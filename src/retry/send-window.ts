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
 * Limits the bytes that were sent and have no response yet, by the time that responses take.
 *
 * A proxy may accept each body at once and pass it on over a slow link (nginx by default). Then the bodies share the link and are
 * late together. Aborting some of them does not help, because the proxy still passes on the data in the buffers of the system (3
 * MB of each body, nginx 1.22). So there are two bodies at first, and more only after a response arrived in time.
 */
export class SendWindow {
  readonly #clock: Clock;
  readonly #wantedWaitMs: number;
  /** Limit on the pending bytes. Undefined before the first response. */
  #windowBytes: number | undefined;
  /** Sizes in bytes of the bodies that were sent, or may be sent soon. */
  readonly #pending = new Map<WindowPlace, number>();
  readonly #queue = new WaitQueue<number, WindowPlace>();

  /** @param wantedWaitMs the time that a response should take after its body was sent. */
  constructor(clock: Clock, wantedWaitMs: number) {
    this.#clock = clock;
    this.#wantedWaitMs = wantedWaitMs;
  }

  /**
   * Resolves when a body of this size may be sent. Call `leave` of the place to free it. Rejects with the signal's reason if that
   * aborts while it waits.
   */
  async enter(sizeBytes: number, signal: AbortSignal | undefined): Promise<WindowPlace> {
    if (this.#queue.first === undefined && this.#fits(sizeBytes)) return this.#begin(sizeBytes);
    return this.#queue.wait(sizeBytes, signal);
  }

  #begin(sizeBytes: number): WindowPlace {
    const togetherBytes = this.#pendingBytes + sizeBytes;
    let unsentBytes = Math.max(1, sizeBytes - UNREPORTED_BYTES);
    let sentMs: number | undefined;
    const cancel = this.#clock.after(SENT_WITHIN_MS, () => {
      this.#pending.delete(place);
      this.#admit();
    });
    const place: WindowPlace = {
      countSent: bytes => {
        unsentBytes -= bytes;
        if (unsentBytes > 0 || sentMs !== undefined) return;
        cancel();
        sentMs = this.#clock.now();
        this.#pending.set(place, sizeBytes);
      },
      leave: result => {
        cancel();
        this.#pending.delete(place);
        // The next bodies are sent one at a time, until a response allows more
        if (result === 'late') this.#windowBytes = 0;
        if (result === 'accepted') {
          const waitedMs = this.#clock.now() - (sentMs ?? this.#clock.now());
          this.#windowBytes = (togetherBytes * this.#wantedWaitMs) / Math.max(1, waitedMs);
        }
        this.#admit();
      },
    };
    this.#pending.set(place, sizeBytes);
    return place;
  }

  get #pendingBytes(): number {
    let sum = 0;
    for (const bytes of this.#pending.values()) sum += bytes;
    return sum;
  }

  #fits(sizeBytes: number): boolean {
    if (this.#pending.size === 0) return true;
    if (this.#windowBytes === undefined) return this.#pending.size < FIRST_BODIES;
    return this.#pendingBytes + sizeBytes <= this.#windowBytes;
  }

  #admit(): void {
    for (let next = this.#queue.first; next !== undefined && this.#fits(next); next = this.#queue.first) {
      this.#queue.admit(this.#begin(next));
    }
  }
}
