import type { Socket } from 'node:net';

/** Writes a text again and again until the connection ends, as fast as it is read. */
export function writeForever(socket: Socket, text: string): void {
  const block = text.repeat(Math.ceil(65_536 / text.length));
  const write = () => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', write);
  write();
}

/** Writes a text every `ms` milliseconds until the connection ends. */
export function writeSlowly(socket: Socket, text: string, ms: number): void {
  const timer = setInterval(() => socket.write(text), ms);
  socket.on('close', () => clearInterval(timer));
}
