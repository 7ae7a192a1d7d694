import type { ClientRequestArgs } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../../retry/clock.ts';

/** Limit on a proxy's response to CONNECT in bytes. Node has the same limit for the head of any response. */
const MAX_RESPONSE_BYTES = 16 * 1024;

/** Time in ms after which an unfinished tunnel is closed. By then the limit of its request has ended. */
const TUNNEL_MS = 20_000;

/**
 * A pool of connections through a proxy, with limits. Without them Node 24 keeps all bytes of a response to CONNECT that does not
 * end, and doubles its listeners with each piece of it (lib/https.js, `establishTunnel`). It waits forever for the TLS handshake.
 */
export class TunnelPool extends https.Agent {
  override createConnection(
    options: ClientRequestArgs,
    done: (error: Error | null, tunnel: Duplex) => void,
  ): Duplex | null | undefined {
    const cancel = systemClock.after(TUNNEL_MS, () => socket.destroy());
    // The connection to the proxy, until the tunnel is made
    const socket = super.createConnection(options, (error, tunnel) => {
      cancel();
      done(error, tunnel);
    }) as Socket;
    socket.once('close', cancel);
    // Node has no listener during the handshake
    socket.on('error', () => {});
    socket.on('newListener', (event, listener) => {
      // Node adds a listener for each piece of the response and keeps the earlier ones. This event occurs before the new listener
      // is added, so the earlier one is removed
      if (event !== 'readable') return;
      socket.removeListener(event, listener);
      if (socket.bytesRead <= MAX_RESPONSE_BYTES) return;
      const error = new Error(
        `the response of the proxy to CONNECT is longer than ${MAX_RESPONSE_BYTES} bytes`,
      );
      socket.destroy(Object.assign(error, { code: 'ERR_PROXY_TUNNEL' }));
    });
    return socket;
  }
}
