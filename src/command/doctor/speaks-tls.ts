import { once } from 'node:events';
import { connect } from 'node:tls';

const WAIT_MS = 3000;

/**
 * Returns whether the port of an http endpoint completes a TLS handshake, with any certificate: that port does not respond to
 * plain http. Sends no request. Never throws.
 */
export async function speaksTls({ hostname, port }: URL, signal: AbortSignal): Promise<boolean> {
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    // The connection transfers no data, so no certificate has to be trusted
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
