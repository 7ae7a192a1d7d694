import http, { type RequestListener } from 'node:http';
import net, { type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { listen } from '../../../support/servers/listen.ts';

/** Starts an HTTP server that ends with the test. Resolves to its port on the loopback interface. */
export function httpServer(listener: RequestListener): Promise<number> {
  return portOf(http.createServer(listener));
}

/** Starts a server that calls `talk` with each connection and ends with the test. Resolves to its port. */
export function rawServer(talk: (socket: Socket) => void): Promise<number> {
  return portOf(net.createServer(talk));
}

async function portOf(server: Server): Promise<number> {
  const { port, close } = await listen(server);
  onTestFinished(close);
  return port;
}
