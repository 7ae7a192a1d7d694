import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../../retry/clock.ts';
import { TimeoutError } from '../../../retry/time-limits.ts';
import { watchIdleTimeout } from './idle-timeout.ts';

/** Minimum rate of a body. It is far below that of a slow link that many requests share. */
const MIN_BYTES_PER_SECOND = 1024;

/** The request has been sent whole, and no response began within a limit that allows for the server's work. */
export class NoResponseError extends TimeoutError {
  override name = 'NoResponseError';
}

/** The limits in time of one request. Each calls `fail` with a TimeoutError when it is exceeded. */
export class Timers {
  readonly #clock: Clock;
  readonly #fail: (error: TimeoutError) => void;
  readonly #cancels = new Set<() => void>();

  constructor(clock: Clock, fail: (error: TimeoutError) => void) {
    this.#clock = clock;
    this.#fail = fail;
  }

  /** Fails with `missing` after `ms` milliseconds. Returns a function that cancels this. */
  limit(ms: number, missing: string, Kind = TimeoutError): () => void {
    const cancel = this.#clock.after(ms, () => this.#fail(new Kind(`${missing} within ${ms / 1000} s`)));
    this.#cancels.add(cancel);
    return cancel;
  }

  /** Fails when no byte moves on a connected socket for `idleTimeoutMs`. Returns a function that cancels this. */
  watchIdle(socket: Socket, idleTimeoutMs: number): () => void {
    const cancel = watchIdleTimeout(socket, idleTimeoutMs, this.#clock, () =>
      this.#fail(new TimeoutError(`no data for ${idleTimeoutMs / 1000} s`)),
    );
    this.#cancels.add(cancel);
    return cancel;
  }

  /** Fails when the body of a response brings less than 1 KiB a second over `windowMs`, also when it is not read. */
  watchRate({ socket }: IncomingMessage, windowMs: number): void {
    const least = (MIN_BYTES_PER_SECOND * windowMs) / 1000;
    let cancel = () => {};
    const openWindow = () => {
      const before = socket.bytesRead;
      const due = this.#clock.now() + windowMs;
      const close = () => {
        // After a standstill of this process the bytes of the window are still in the socket: it gets another one
        const late = this.#clock.now() - due > windowMs / 5;
        if (late || socket.bytesRead - before >= least) openWindow();
        else this.#fail(new TimeoutError(`less than ${least} bytes within ${windowMs / 1000} s`));
      };
      cancel = this.#clock.after(windowMs, close);
    };
    openWindow();
    this.#cancels.add(() => cancel());
  }

  /** Ends all limits. */
  clear(): void {
    for (const cancel of this.#cancels) cancel();
  }
}
