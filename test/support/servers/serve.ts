import http, { type RequestListener } from 'node:http';
import net, { type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type LocalServer, listen } from './listen.ts';

/** Starts an HTTP server that ends with the test. Resolves to its port. */
export async function serveHttp(listener: RequestListener): Promise<number> {
  return endWithTest(await listen(http.createServer(listener)));
}

/** Starts a server that calls `talk` with each connection and ends with the test. Resolves to its port. */
export async function serveTcp(talk: (socket: Socket) => void): Promise<number> {
  return endWithTest(await listen(net.createServer(talk)));
}

function endWithTest(server: LocalServer): number {
  onTestFinished(() => server.close());
  return server.port;
}
