import { once } from 'node:events';
import { connect } from 'node:tls';

const WAIT_MS = 3000;

/**
 * Returns whether a port of an endpoint answers a TLS handshake, with whatever certificate. It explains why plain http got no
 * answer there; no request is sent.
 */
export async function speaksTls({ hostname, port, protocol }: URL, signal: AbortSignal): Promise<boolean> {
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
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
