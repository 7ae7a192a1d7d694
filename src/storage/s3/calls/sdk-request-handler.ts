import type { Readable } from 'node:stream';
import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import type { SdkResponse } from '../errors/refused-response.ts';
import { MAX_BODY_BYTES, readWhole } from '../transport/body.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import type { Transport, TransportRequest, TransportResponse } from '../transport/transport.ts';

/** Bound of a page of a listing in bytes. A thousand names of 1024 bytes in their longest spelling take 7 MB. */
export const MAX_LISTING_BYTES = 8 * 1024 * 1024;

/**
 * Bound of a document that the SDK parses, in bytes. Its parser reads character by character: 7 MB of references to characters
 * take 900 MB of memory, and as many seconds as no signal ends. A thousand uploads take 1 MB.
 */
export const MAX_PARSED_BYTES = 2 * 1024 * 1024;

/** The options of a call, which the SDK passes on to its handler as they are. */
export interface SdkHandlerOptions extends HttpHandlerOptions {
  /** Sends the request in the transport's place. */
  readonly send?: Transport['send'] | undefined;
  /** Called with each request, which is signed. */
  readonly onRequest?: (request: HttpRequest) => void;
  /** Called with each response. */
  readonly onResponse?: (response: TransportResponse) => void;
  /** Longest wait for the head of the response once the request has been sent whole, in ms. Default: the idle timeout. */
  readonly responseMs?: number;
  /** Bound of the body of a success, in bytes. `'stream'` leaves the body to the caller, who bounds it. Default: 64 KiB. */
  readonly maxBodyBytes?: number | 'stream' | undefined;
}

/**
 * Lets the SDK send its signed requests by our transport, and gives it bounded bodies.
 *
 * The SDK's own NodeHttpHandler cannot keep the limits that we promise: its connection limit ends before TLS, its socket
 * limit starts late (3 s) and cannot change once the endpoint has responded, and bodies have no bound.
 */
export class SdkRequestHandler implements RequestHandler<HttpRequest, HttpResponse, SdkHandlerOptions> {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #transport: Transport;
  readonly #limits: TimeLimits;
  readonly #userAgent: string;
  /** The `Date` of the latest response in ms since 1970: the server's clock. */
  serverTimeMs: number | undefined;

  constructor(transport: Transport, limits: TimeLimits, userAgent: string) {
    this.#transport = transport;
    this.#limits = limits;
    this.#userAgent = userAgent;
  }

  /** Sends for the SDK. Rejects as `exchange` does. */
  async handle(request: HttpRequest, options: SdkHandlerOptions = {}): Promise<{ response: HttpResponse }> {
    options.onRequest?.(request);
    const { response, body } = await this.exchange(request, options);
    const { status, reason } = response;
    const { date, 'last-modified': modified, ...others } = response.headers;
    // The SDK signs by each Date that it gets, and a reverse proxy may have a wrong one: only this refusal shows that our clock is off
    const isSkewed =
      status === 403 && Buffer.isBuffer(body) && body.includes('<Code>RequestTimeTooSkewed</Code>');
    const lastModified = httpTime(modified);
    const headers = isSkewed
      ? response.headers
      : { ...others, ...(lastModified !== undefined && { 'last-modified': lastModified }) };
    const passed: SdkResponse = { statusCode: status, reason, headers, date, body };
    return { response: passed as HttpResponse };
  }

  /**
   * Sends a signed request and reads the body of its response, or leaves it to the caller (`maxBodyBytes`).
   * `requestTimeout` overrides the idle timeout, in ms. Rejects with the abort signal's own reason.
   */
  async exchange(
    request: HttpRequest,
    options: SdkHandlerOptions,
  ): Promise<{ readonly response: TransportResponse; readonly body: Readable | Buffer }> {
    const { connectMs, idleTimeoutMs } = this.#limits.request;
    const send: Transport['send'] = options.send ?? ((...sent) => this.#transport.send(...sent));
    const response = await send(toTransport(request, this.#userAgent), {
      signal: options.abortSignal as AbortSignal | undefined,
      connectMs,
      idleTimeoutMs: options.requestTimeout ?? idleTimeoutMs,
      ...(options.responseMs !== undefined && { responseMs: options.responseMs }),
    });
    this.#limits.responded();
    const time = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(time)) this.serverTimeMs = time;
    options.onResponse?.(response);
    return { response, body: await bodyFor(response, options.maxBodyBytes ?? MAX_BODY_BYTES) };
  }

  destroy(): void {
    this.#transport.close();
  }

  /** Ignores further settings of the SDK: all of ours are set already. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

/**
 * Returns a time as HTTP has it, from any form that Node reads. Returns undefined if it is none: the SDK would refuse the whole response,
 * with the object.
 */
function httpTime(text = ''): string | undefined {
  const time = new Date(text);
  // HTTP has years of four digits
  return time.getTime() >= 0 && time.getTime() < Date.UTC(10_000) ? time.toUTCString() : undefined;
}

function toTransport(request: HttpRequest, userAgent: string): TransportRequest {
  const { method, protocol, hostname, port, body } = request;
  // The SDK's own user agent names the runner's platform and versions at length; this header is not signed
  const headers = { ...request.headers, 'user-agent': userAgent };
  return { method, protocol, hostname, port, target: pathAndQuery(request), headers, body };
}

/** Returns the target of a request. The SDK passes the query decoded, and signs it in this encoding. */
function pathAndQuery(request: HttpRequest): string {
  const pairs = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      one => encode(name) + (one === null || one === undefined ? '' : `=${encode(one)}`),
    ),
  );
  return pairs.length > 0 ? `${request.path}?${pairs.join('&')}` : request.path;
}

/** Encodes by RFC 3986: encodeURIComponent skips five characters that Signature V4 requires to be encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Returns the body that the SDK gets: read within the bound, or as it arrives. */
async function bodyFor(response: TransportResponse, maxBytes: number | 'stream'): Promise<Readable | Buffer> {
  if (response.status >= 200 && response.status < 300) {
    if (maxBytes === 'stream') return response.body;
    const body = await readWhole(response.body, maxBytes);
    if (hasDoctype(body)) throw new ProtocolError('the response is a web page, so this is no S3 server');
    return body;
  }
  try {
    const body = await readWhole(response.body, MAX_BODY_BYTES);
    return hasDoctype(body) ? NO_BODY : body;
  } catch (error) {
    // A long page of a proxy or an attacker: only the status is used
    if (error instanceof ProtocolError) return NO_BODY;
    throw error;
  }
}

const NO_BODY = Buffer.alloc(0);

/**
 * Returns whether a document has a DOCTYPE, as web pages have and S3's documents do not. The SDK's parser would need
 * quadratic time for many of them (3.1169: `isNext` of @aws-sdk/xml-builder).
 */
function hasDoctype(body: Buffer): boolean {
  return body.includes('<!D') || body.includes('<!d');
}
