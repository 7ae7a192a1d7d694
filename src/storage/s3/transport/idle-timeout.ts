import type { Socket } from 'node:net';
import type { Clock } from '../../../retry/clock.ts';

/** Number of steps of an idle timeout. */
const STEPS = 5;

/**
 * Calls `onIdle` when a connected socket has moved no byte for `idleTimeoutMs`, in either direction. Returns a function that
 * cancels this.
 *
 * Only Node's timer detects that the system has accepted a part of a buffer. It reports this only by starting over once when it
 * fires (Node 24, `Socket.prototype._onTimeout`): with the whole limit, it gives a peer that stops reading twice the time.
 * Therefore it runs in steps, and a step without a byte counts as idle.
 */
export function watchIdleTimeout(
  socket: Socket,
  idleTimeoutMs: number,
  clock: Clock,
  onIdle: () => void,
): () => void {
  const stepMs = idleTimeoutMs / STEPS;
  let firedAt = clock.now();
  let idleSince = firedAt;
  let bytes = movedBytes(socket);
  let cancelCheck = () => {};
  // Node runs timers before it reads sockets: after other work of this thread, bytes may wait in the socket
  const checkOnceRead = () => {
    if (movedBytes(socket) === bytes) return onIdle();
    idleSince = clock.now();
    socket.setTimeout(stepMs);
  };
  const onTimeout = () => {
    const now = clock.now();
    const moved = movedBytes(socket);
    // After a byte, or a part of a buffer, the timer has started over
    if (moved !== bytes || now - firedAt > 1.5 * stepMs) idleSince = now - stepMs;
    bytes = moved;
    firedAt = now;
    if (now - idleSince >= idleTimeoutMs - stepMs / 2) cancelCheck = clock.after(0, checkOnceRead);
    else socket.setTimeout(stepMs);
  };
  socket.setTimeout(stepMs);
  socket.on('timeout', onTimeout);
  return () => {
    cancelCheck();
    socket.off('timeout', onTimeout);
  };
}

/** Returns the number of bytes that were received or passed to the system, as far as a socket counts them. */
function movedBytes(socket: Socket): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}
