import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../../retry/clock.ts';
import { TimeoutError } from '../../../retry/time-limits.ts';
import { watchIdleTimeout } from './idle-timeout.ts';

/** Minimum rate of a body. It is far below the rate of one of many requests that share a slow link. */
const MIN_BYTES_PER_SECOND = 1024;

/** Error of a request that was sent in full, and to which no response began in a time that is enough for the server's work. */
export class NoResponseError extends TimeoutError {
  override name = 'NoResponseError';
}

/** Creates the time limits of one request. Each calls `fail` with a TimeoutError when it is exceeded. */
export function createTimers(clock: Clock, fail: (error: TimeoutError) => void) {
  const cancels = new Set<() => void>();
  const keep = (cancel: () => void) => {
    cancels.add(cancel);
    return cancel;
  };
  return {
    /** Fails with `reason` after `ms` milliseconds. Returns a function that cancels this. */
    limit: (ms: number, reason: string, Kind = TimeoutError) =>
      keep(clock.after(ms, () => fail(new Kind(`${reason} within ${ms / 1000} s`)))),
    /** Fails when no byte moves on a connected socket for `idleTimeoutMs`. Returns a function that cancels this. */
    watchIdle: (socket: Socket, idleTimeoutMs: number) =>
      keep(
        watchIdleTimeout(socket, idleTimeoutMs, clock, () =>
          fail(new TimeoutError(`no data for ${idleTimeoutMs / 1000} s`)),
        ),
      ),
    /** Fails when less than 1 KiB a second of a body arrives over `windowMs`, also when nothing reads the body. */
    watchRate({ socket }: IncomingMessage, windowMs: number): void {
      const least = (MIN_BYTES_PER_SECOND * windowMs) / 1000;
      let cancel = () => {};
      const openWindow = () => {
        const before = socket.bytesRead;
        const due = clock.now() + windowMs;
        cancel = clock.after(windowMs, () => {
          // After other work of this process, bytes of the window may still wait in the socket: they count in another window
          const isLate = clock.now() - due > windowMs / 5;
          if (isLate || socket.bytesRead - before >= least) openWindow();
          else fail(new TimeoutError(`less than ${least} bytes within ${windowMs / 1000} s`));
        });
      };
      openWindow();
      keep(() => cancel());
    },
    /** Cancels all limits. */
    clear(): void {
      for (const cancel of cancels) cancel();
    },
  };
}
