import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Starts an HTTP server that ends with the test. Resolves to its port on the loopback interface. */
export function httpServer(listener: RequestListener): Promise<number> {
  return listen(http.createServer(listener));
}

/** Starts a server that calls `talk` with each connection and ends with the test. Resolves to its port. */
export function rawServer(talk: (socket: Socket) => void): Promise<number> {
  return listen(net.createServer(talk));
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
