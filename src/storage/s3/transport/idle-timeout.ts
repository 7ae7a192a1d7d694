import type { Socket } from 'node:net';
import type { Clock } from '../../../retry/clock.ts';

/** Steps into which the idle timeout is cut. */
const STEPS = 5;

/**
 * Calls `onIdle` when a connected socket has moved no byte for `idleTimeoutMs`, in either direction. Returns a function
 * that ends the watch.
 *
 * Node's own timer alone knows when the system took a part of a buffer, but it reports this only by starting over once
 * when it fires (Node 24, `Socket.prototype._onTimeout`): set to the whole limit, it gives a peer that stops reading
 * twice the time. So it runs in steps, and a step that began without a byte counts as idle.
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
  // Timers run before sockets are read: after other work of this thread, the bytes may be waiting there
  const checkOnceRead = () => {
    if (movedBytes(socket) === bytes) return onIdle();
    idleSince = clock.now();
    socket.setTimeout(stepMs);
  };
  const onTimeout = () => {
    const now = clock.now();
    const moved = movedBytes(socket);
    // After a byte, or a part of a buffer, the timer has started over in between
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

/** Bytes received and bytes handed to the system, as far as a socket counts them. */
function movedBytes(socket: Socket): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}
