import { once } from 'node:events';
import { connect } from 'node:tls';

const WAIT_MS = 3000;

/**
 * Returns whether the port of an http endpoint answers a TLS handshake, with whatever certificate. It explains why plain http
 * got no response there; no request is sent.
 */
export async function speaksTls({ hostname, port }: URL, signal: AbortSignal): Promise<boolean> {
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    // The certificate is not trusted with anything
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]) });
    return true;
  } catch {
    return false;
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}
