import type { Socket } from 'node:net';
import type { Clock } from '../../../retry/clock.ts';

/** Node's timer is asked this many times within the limit. */
const STEPS = 5;

/**
 * Calls `onSilence` when no byte has moved on a connected socket for `silenceMs`, in either direction. Returns what
 * ends the watch.
 *
 * Node's own timer knows what nobody else is told, that a part of a buffer was taken, but only by starting over once
 * when it fires: set to the whole limit, it lets a peer that stops reading have twice the time. So it runs in steps,
 * and a step that began without a byte counts as silence.
 */
export function watchSilence(
  socket: Socket,
  silenceMs: number,
  clock: Clock,
  onSilence: () => void,
): () => void {
  const stepMs = silenceMs / STEPS;
  let firedAt = clock.now();
  let silentSince = firedAt;
  let bytes = movedBytes(socket);
  const onTimeout = () => {
    const now = clock.now();
    const moved = movedBytes(socket);
    // After a byte, or a part of a buffer, the timer has started over in between
    if (moved !== bytes || now - firedAt > 1.5 * stepMs) silentSince = now - stepMs;
    bytes = moved;
    firedAt = now;
    if (now - silentSince >= silenceMs - stepMs / 2) onSilence();
    else socket.setTimeout(stepMs);
  };
  socket.setTimeout(stepMs);
  socket.on('timeout', onTimeout);
  return () => void socket.off('timeout', onTimeout);
}

/** Bytes received and bytes handed to the system, as far as a socket tells. */
function movedBytes(socket: Socket): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}
