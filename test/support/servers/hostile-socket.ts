import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/** Writes a text again and again until the stream ends, as fast as it is read. Calls `onWritten` with the bytes of each write. */
export function writeForever(to: Writable, text: string, onWritten?: (bytes: number) => void): void {
  const block = text.repeat(Math.ceil(65_536 / text.length));
  const write = () => {
    let isFree = true;
    while (isFree && !to.destroyed) {
      isFree = to.write(block);
      onWritten?.(block.length);
    }
  };
  to.on('drain', write);
  write();
}

/** Writes a text every `ms` milliseconds until the stream ends. */
export function writeSlowly(to: Writable, text: string, ms: number): void {
  const timer = setInterval(() => to.write(text), ms);
  to.on('close', () => clearInterval(timer));
}

/** A response that switches to another protocol, although the request did not require it. */
export const UPGRADE = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

/** Responds in a way that no request expects: with 101, or by a body without end. */
export const hostile = {
  switchProtocols: (to: ServerResponse) => void to.socket?.write(UPGRADE),
  endless: (to: ServerResponse) => writeForever(to, 'x'),
};
