import type { ServerResponse } from 'node:http';

/** Answers by a body without end. */
export async function endless(to: ServerResponse): Promise<void> {
  const write = () => {
    while (!to.destroyed && to.write('x'.repeat(65_536)));
  };
  to.on('drain', write);
  write();
}

/** Answers by 101. */
export function switchProtocols(to: ServerResponse): void {
  to.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
}
