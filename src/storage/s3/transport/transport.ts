import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { releaseOwned } from '../../../archive/memory/buffers.ts';
import type { Clock } from '../../../retry/clock.ts';
import { TimeoutError } from '../../../retry/time-limits.ts';
import { type ConnectionSettings, createAgents } from './agents.ts';
import { ProtocolError, UPGRADE_REFUSAL } from './protocol-error.ts';
import { createTimers, NoResponseError } from './timers.ts';

/**
 * Sends signed HTTP requests. This module has no operation of S3, signs nothing and imports no package, so any thread can use it.
 */

/** Maximum number of informational responses (1xx) to a request. A server sends none, or one 100 or 103. */
const MAX_INFORMATIONAL = 8;

/** Number of bytes that are passed to the socket at once. A larger slice would hide progress for a long time. */
const SLICE_BYTES = 256 * 1024;

/** One request, ready to send. */
export interface TransportRequest {
  readonly method: string;
  readonly protocol: string;
  /** A host name or an address. An IPv6 address may have brackets. */
  readonly hostname: string;
  /** Default: the port of the protocol. */
  readonly port?: number | undefined;
  /** Path and query, in the encoding that was signed. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable | undefined;
}

/** The head of a response, and its body as a stream. */
export interface TransportResponse {
  readonly status: number;
  /** Headers with names in lower case. The values of a repeated field are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** The limits of one request. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Limit for name resolution, TCP, TLS and a proxy's tunnel, in ms. */
  readonly connectMs: number;
  /** Longest time without a byte in either direction after the connection, in ms. */
  readonly idleTimeoutMs: number;
  /**
   * Longest wait for the head of the response after the whole request has been sent, in ms. Default: `idleTimeoutMs`. A reverse
   * proxy may accept the whole body before it passes on the first byte (nginx by default).
   */
  readonly responseMs?: number;
}

/** The connections of one thread to one server. */
export class Transport {
  readonly #agents: ReturnType<typeof createAgents>;
  readonly #clock: Clock;

  /**
   * Creates the connection pools. Opens no connection yet.
   * @throws StoreRefusedError when a proxy variable of the environment is malformed.
   */
  constructor(settings: ConnectionSettings, clock: Clock) {
    this.#agents = createAgents(settings);
    this.#clock = clock;
  }

  /**
   * Sends a request and resolves with the head of its response. Rejects with the signal's own reason, a TimeoutError, a
   * ProtocolError, or the error of the connection. An error after the head destroys the body.
   *
   * Always settles, and reads no more of a body than its reader requests.
   */
  send(request: TransportRequest, options: SendOptions): Promise<TransportResponse> {
    const { signal, connectMs, idleTimeoutMs, responseMs = idleTimeoutMs } = options;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const isSecure = request.protocol === 'https:';
      const host = request.hostname.replace(/^\[(.*)\]$/, '$1');
      const sent = (isSecure ? https : http).request({
        host,
        port: request.port,
        method: request.method,
        path: request.target,
        headers: request.headers,
        agent: this.#agents.poolFor(isSecure, host, request.port ?? (isSecure ? 443 : 80)),
      });

      let received: http.IncomingMessage | undefined;
      // After the response has begun, destroying only the request would drop the rest of the body without an error
      const fail = (error: Error) => {
        (received ?? sent).destroy(error);
        // A request that waits for a proxy's tunnel emits no event. This has no effect after the promise has settled
        reject(error);
      };
      const timers = createTimers(this.#clock, fail);
      const onAbort = () => fail(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const clearConnectLimit = timers.limit(connectMs, 'no connection');
      let clearIdleLimit = () => {};
      sent.once('socket', socket => {
        releaseReceived(socket, sent);
        whenConnected(socket, isSecure, () => {
          clearConnectLimit();
          if (!sent.destroyed) clearIdleLimit = timers.watchIdle(socket, idleTimeoutMs);
        });
      });
      // A head that arrives byte by byte is not idle, so it needs another limit
      let clearResponseLimit = () => {};
      sent.once('finish', () => {
        if (received) return;
        clearIdleLimit();
        clearResponseLimit = timers.limit(
          responseMs,
          'no response',
          responseMs > idleTimeoutMs ? NoResponseError : TimeoutError,
        );
      });
      let informational = 0;
      sent.on('information', () => {
        if (++informational > MAX_INFORMATIONAL) fail(new ProtocolError('too many informational responses'));
      });
      // Without a listener Node closes the connection and emits neither an error nor a response
      sent.once('upgrade', (_, socket) => {
        socket.destroy();
        reject(new ProtocolError(UPGRADE_REFUSAL));
      });
      sent.once('response', message => {
        received = message;
        clearResponseLimit();
        // The reader of the body has a listener too. Without this one, a late failure would end the process
        message.on('error', () => {});
        if (message.statusCode === 101) {
          reject(new ProtocolError(UPGRADE_REFUSAL));
          message.destroy();
          return;
        }
        message.once('end', () => {
          // The server has refused the request before it received the whole body: the rest is not sent
          if (!sent.writableFinished) sent.destroy();
        });
        clearIdleLimit();
        clearIdleLimit = timers.watchIdle(message.socket, idleTimeoutMs);
        timers.watchRate(message, idleTimeoutMs);
        resolve(toTransportResponse(message));
      });
      sent.on('error', reject);
      sent.once('close', () => {
        timers.clear();
        signal?.removeEventListener('abort', onAbort);
        // This has no effect after the promise has settled
        reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
      });
      sendBody(sent, request.body);
    });
  }

  close(): void {
    this.#agents.destroy();
  }
}

function whenConnected(socket: Socket, isSecure: boolean, onConnected: () => void): void {
  const isInHandshake = isSecure && (socket as { secureConnecting?: boolean }).secureConnecting === true;
  if (socket.connecting || isInHandshake) socket.once(isSecure ? 'secureConnect' : 'connect', onConnected);
  else onConnected();
}

/**
 * Frees received bytes as soon as Node's parser has copied them: the garbage collector would keep some 50 MB of them in each
 * thread. Node's listener was added to the socket before this one, and both are removed at the end of the request.
 */
function releaseReceived(socket: Socket, request: http.ClientRequest): void {
  socket.on('data', releaseOwned);
  request.once('close', () => socket.off('data', releaseOwned));
}

function sendBody(sent: http.ClientRequest, body: TransportRequest['body']): void {
  if (body instanceof Readable) {
    body.once('error', error => sent.destroy(error));
    sent.once('close', () => body.destroy());
    body.pipe(sent);
  } else {
    sent.end(body);
  }
}

function toTransportResponse(message: http.IncomingMessage): TransportResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { status: message.statusCode ?? 0, headers, body: message };
}

/**
 * Makes the body of one request from the pieces. With a stream in place of one joined buffer nothing is copied. The signature
 * covers UNSIGNED-PAYLOAD in place of a SHA-256 over every byte in the main thread (frames have a SHA-256).
 * @param onSent is called with the number of bytes of each slice that was passed to the socket.
 */
export function bodyOf(pieces: readonly Uint8Array[], onSent: (bytes: number) => void): Readable {
  return Readable.from(slicesOf(pieces, onSent), { objectMode: false });
}

function* slicesOf(pieces: readonly Uint8Array[], onSent: (bytes: number) => void): Generator<Uint8Array> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      const slice = piece.subarray(at, at + SLICE_BYTES);
      yield slice;
      onSent(slice.length);
    }
  }
}

/** Returns the MD5 of the pieces. In hexadecimal it is the ETag of an unencrypted object that one request has stored. */
export function md5Of(pieces: readonly Uint8Array[], encoding: 'hex' | 'base64'): string {
  const hash = createHash('md5');
  for (const piece of pieces) hash.update(piece);
  return hash.digest(encoding);
}
