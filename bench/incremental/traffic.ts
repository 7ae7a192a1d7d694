import net from 'node:net';
import { listen } from '../../test/support/servers/listen.ts';

/** Counts the bytes on the wire, HTTP heads included. */
interface TrafficCounter {
  /** The endpoint for the client. */
  readonly endpoint: string;
  /** Bytes from the client. */
  sent: number;
  /** Bytes to the client. */
  received: number;
  close(): Promise<void>;
}

/** Forwards connections to `endpoint` (http) through this process. This takes time: such a run is not timed. */
export async function countTraffic(endpoint: string): Promise<TrafficCounter> {
  const { hostname: host, port } = new URL(endpoint);
  const server = net.createServer(client => {
    const upstream = net.connect({ host, port: Number(port) });
    for (const socket of [client, upstream]) {
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('close', () => upstream.destroy());
    client.on('data', chunk => {
      counter.sent += chunk.length;
    });
    upstream.on('data', chunk => {
      counter.received += chunk.length;
    });
    client.pipe(upstream).pipe(client);
  });
  const { endpoint: ownEndpoint, close } = await listen(server);
  const counter: TrafficCounter = { endpoint: ownEndpoint, sent: 0, received: 0, close };
  return counter;
}
