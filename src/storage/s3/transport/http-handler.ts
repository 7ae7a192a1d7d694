import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import type { Clock } from '../../../retry/clock.ts';
import { type TimeLimits, TimeoutError } from '../../../retry/time-limits.ts';
import type { Agents } from './agents.ts';
import { watchSilence } from './idle-timeout.ts';

/** What a call tells the handler, through the SDK, which passes its options on as they are. */
export interface WatchOptions extends HttpHandlerOptions {
  /** Called with the status of each answer. */
  readonly onStatus?: (status: number) => void;
}

/**
 * Sends one signed request of the SDK and watches it.
 *
 * The SDK's own NodeHttpHandler cannot be told the limits that we promise: its connection limit ends before TLS, its
 * socket limit starts late (3 s) and cannot change once the endpoint has answered. The limits here: until connected
 * (proxy and TLS included), then silence, where bytes of either direction count.
 */
export class WatchedHttpHandler implements RequestHandler<HttpRequest, HttpResponse, WatchOptions> {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #agents: Agents;
  readonly #limits: TimeLimits;
  readonly #clock: Clock;
  readonly #userAgent: string;
  /** The `Date` of the latest answer in ms since 1970: the server's clock. */
  serverTimeMs: number | undefined;

  constructor(agents: Agents, limits: TimeLimits, clock: Clock, userAgent: string) {
    this.#agents = agents;
    this.#limits = limits;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  /** `requestTimeout` overrides the limit of silence, in ms. Rejects with the abort signal's own reason. */
  handle(request: HttpRequest, options: WatchOptions = {}): Promise<{ response: HttpResponse }> {
    const signal = options.abortSignal as AbortSignal | undefined;
    const { connectMs, idleMs } = this.#limits.request;
    const silenceMs = options.requestTimeout ?? idleMs;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const secure = request.protocol === 'https:';
      const sent = (secure ? https : http).request({
        host: request.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: request.port,
        method: request.method,
        path: pathAndQuery(request),
        // The SDK's own user agent names the runner's platform and versions at length; ours is not signed.
        headers: { ...request.headers, 'user-agent': this.#userAgent },
        agent: secure ? this.#agents.https : this.#agents.http,
      });

      let answer: http.IncomingMessage | undefined;
      // Destroying the request alone after its answer has begun would throw the answer's rest away without an error.
      const fail = (error: Error) => (answer ?? sent).destroy(error);
      const onAbort = () => fail(signal?.reason);
      const connected = this.#clock.after(connectMs, () =>
        fail(new TimeoutError(`no connection within ${connectMs / 1000} s`)),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      let unwatch = () => {};
      sent.once('socket', socket =>
        whenConnected(socket, secure, () => {
          connected();
          if (sent.destroyed) return;
          unwatch = watchSilence(socket, silenceMs, this.#clock, () =>
            fail(new TimeoutError(`silent for ${silenceMs / 1000} s`)),
          );
        }),
      );
      sent.once('response', message => {
        answer = message;
        this.#noteAnswer(message);
        options.onStatus?.(message.statusCode ?? 0);
        // Whoever reads the body listens too; this one keeps a late failure from ending the process.
        message.on('error', () => {});
        message.once('end', () => {
          // Answered before our body was through (a refusal): the rest is not worth sending.
          if (!sent.writableFinished) sent.destroy();
        });
        resolve({ response: toHttpResponse(message) });
      });
      sent.on('error', reject);
      sent.once('close', () => {
        connected();
        unwatch();
        signal?.removeEventListener('abort', onAbort);
      });
      sendBody(sent, request.body);
    });
  }

  #noteAnswer(message: http.IncomingMessage): void {
    this.#limits.answered();
    const time = Date.parse(message.headers.date ?? '');
    if (!Number.isNaN(time)) this.serverTimeMs = time;
  }

  destroy(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** The SDK passes further settings here. All of ours are given already. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function whenConnected(socket: Socket, secure: boolean, then: () => void): void {
  const handshaking = secure && (socket as { secureConnecting?: boolean }).secureConnecting === true;
  if (socket.connecting || handshaking) socket.once(secure ? 'secureConnect' : 'connect', then);
  else then();
}

function sendBody(sent: http.ClientRequest, body: unknown): void {
  if (body instanceof Readable) {
    body.once('error', error => sent.destroy(error));
    sent.once('close', () => body.destroy());
    body.pipe(sent);
  } else {
    sent.end(body);
  }
}

/** The request target. The SDK hands the query over decoded, and signs it in this encoding. */
function pathAndQuery(request: HttpRequest): string {
  const pairs = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      one => encode(name) + (one === null || one === undefined ? '' : `=${encode(one)}`),
    ),
  );
  return pairs.length > 0 ? `${request.path}?${pairs.join('&')}` : request.path;
}

/** RFC 3986: encodeURIComponent leaves five characters alone that Signature V4 wants encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function toHttpResponse(message: http.IncomingMessage): HttpResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    statusCode: message.statusCode ?? 0,
    reason: message.statusMessage,
    headers,
    body: message,
  } as HttpResponse;
}
