import type { Clock } from './clock.ts';
import { WaitingLine } from './waiting-line.ts';

/** Bodies at once before the first response. */
const FIRST_BODIES = 2;
/** A body that is not sent within this many ms waits for the link itself: no proxy in front of the link has taken it. */
const SENT_WITHIN_MS = 1000;
/** Bytes at the end of a body that may be sent without notice: other threads report a mebibyte at a time. */
const UNREPORTED_BYTES = 1024 * 1024;

/** The end of a request with a body. It is late if no response began in time. */
export type SendResult = 'responded' | 'late' | 'failed';

/** A body that may be sent. */
export interface WindowPlace {
  /** Counts bytes that were sent. */
  sent(bytes: number): void;
  /** Frees the place. */
  leave(result: SendResult): void;
}

/**
 * Limits the bytes that were sent and have no response yet, by the time that responses take.
 *
 * A proxy may take each body at once and pass it on over a slow link (nginx by default). Then all that it has taken share the
 * link and are late together. To give some of them up does not help: what is in the buffers of the system is passed on all
 * the same (3 MB of each, nginx 1.22). So there are two at first, and more only if a response shows that they are not too many.
 */
export class SendWindow {
  readonly #clock: Clock;
  readonly #wantedWaitMs: number;
  /** Undefined before the first response. */
  #windowBytes: number | undefined;
  /** Bodies that were sent, or may be soon, in bytes. */
  readonly #pending = new Map<WindowPlace, number>();
  readonly #line = new WaitingLine<number, WindowPlace>();

  /** `wantedWaitMs`: the time from a body that was sent to its response that is to be reached. */
  constructor(clock: Clock, wantedWaitMs: number) {
    this.#clock = clock;
    this.#wantedWaitMs = wantedWaitMs;
  }

  /** Resolves when a body of so many bytes may be sent. Its holder must leave. Rejects with the signal's reason while it waits. */
  async enter(sizeBytes: number, signal: AbortSignal | undefined): Promise<WindowPlace> {
    if (this.#line.first === undefined && this.#fits(sizeBytes)) return this.#begin(sizeBytes);
    return this.#line.turn(sizeBytes, signal);
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
      sent: bytes => {
        unsentBytes -= bytes;
        if (unsentBytes > 0 || sentMs !== undefined) return;
        cancel();
        sentMs = this.#clock.now();
        this.#pending.set(place, sizeBytes);
      },
      leave: result => {
        cancel();
        this.#pending.delete(place);
        // Alone until a response shows more
        if (result === 'late') this.#windowBytes = 0;
        if (result === 'responded') {
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
    for (let next = this.#line.first; next !== undefined && this.#fits(next); next = this.#line.first) {
      this.#line.admit(this.#begin(next));
    }
  }
}
