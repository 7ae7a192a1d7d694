import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';

/** A server on a free port of 127.0.0.1: `await using` closes it. */
export interface LocalServer extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Resets all connections and frees the port. */
  close(): Promise<void>;
}

/** Starts a server. An error of one of its connections is ignored. */
export async function listen(server: Server): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return { port, endpoint: `http://127.0.0.1:${port}`, close, [Symbol.asyncDispose]: close };
}

/** Returns the port of a server that has just been closed. */
export async function closedPort(): Promise<number> {
  const { port, close } = await listen(net.createServer());
  await close();
  return port;
}

/** Returns an endpoint that refuses connections. */
export async function closedEndpoint(): Promise<string> {
  return `http://127.0.0.1:${await closedPort()}`;
}

/** Starts a server that accepts connections and never responds. */
export function startSilentServer(): Promise<LocalServer> {
  return listen(net.createServer());
}

/**
 * Returns whether a server on a port of 127.0.0.1 accepts a connection. Linux may choose the port itself as the client's own
 * one; the socket is then connected to itself (RFC 9293, 3.5, simultaneous open), which does not count.
 */
export function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket.localPort !== port)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
