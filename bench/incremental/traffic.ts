import net from 'node:net';

/** Counts what goes through it: bytes on the wire, HTTP heads included. */
export interface TrafficCounter {
  /** Instead of the endpoint that was given. */
  readonly endpoint: string;
  /** Bytes from the client, and bytes to it. */
  sent: number;
  received: number;
  close(): void;
}

/** Opens a way to `endpoint` (http) through this process. It costs time: what goes through it is not timed. */
export async function countTraffic(endpoint: string): Promise<TrafficCounter> {
  const { hostname: host, port } = new URL(endpoint);
  const sockets = new Set<net.Socket>();
  const server = net.createServer(client => {
    const upstream = net.connect({ host, port: Number(port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', chunk => {
      counter.sent += chunk.length;
    });
    upstream.on('data', chunk => {
      counter.received += chunk.length;
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const counter: TrafficCounter = {
    endpoint: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    sent: 0,
    received: 0,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return counter;
}
