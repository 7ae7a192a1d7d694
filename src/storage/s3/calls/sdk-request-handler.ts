import type { Readable } from 'node:stream';
import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import { ResponseError } from '../errors/response-error.ts';
import { knownTime } from '../known-time.ts';
import { MAX_BODY_BYTES, readWhole } from '../transport/body.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import type { Transport, TransportRequest, TransportResponse } from '../transport/transport.ts';
import { withPlainTimes } from './xml-text.ts';

/** Bound of a page of a listing in bytes. A thousand names of 1024 bytes in their longest spelling take 7 MB. */
export const MAX_LISTING_BYTES = 8 * 1024 * 1024;

/**
 * Bound of a document that the SDK parses, in bytes. Its parser reads character by character: 7 MB of references to characters
 * take 900 MB of memory, and block this thread for seconds. A thousand uploads take 1 MB.
 */
export const MAX_PARSED_BYTES = 2 * 1024 * 1024;

/** The options of a call, which the SDK passes to its handler unchanged. */
export interface SdkHandlerOptions extends HttpHandlerOptions {
  readonly abortSignal?: AbortSignal;
  /** Sends the request in place of the transport. */
  readonly send?: Transport['send'] | undefined;
  /** Receives each response. */
  readonly onResponse?: (response: TransportResponse) => void;
  /** Longest wait for the head of the response after the whole request has been sent, in ms. Default: the idle timeout. */
  readonly responseMs?: number;
  /** Bound of the body of a success, in bytes. `'stream'` leaves the body to the caller, who bounds it. Default: 64 KiB. */
  readonly maxBodyBytes?: number | 'stream' | undefined;
}

/** A successful response. Its body is a stream only with `maxBodyBytes: 'stream'`. */
type ReadResponse = Omit<TransportResponse, 'body'> & { readonly body: Readable | Buffer };

/**
 * Headers with a time, which the SDK does not get. It refuses a whole response for a time of another form, and it would sign by
 * each Date, which a reverse proxy may have wrong. No code uses the others, and Last-Modified is passed in its own form.
 */
const HIDDEN_HEADERS: ReadonlySet<string> = new Set([
  'date',
  'last-modified',
  'expires',
  'x-amz-abort-date',
  'x-amz-object-lock-retain-until-date',
]);

/**
 * Sends the signed requests of the SDK by our transport, and returns bounded bodies.
 *
 * The SDK's own NodeHttpHandler cannot enforce these limits. Its connection limit ends before TLS, its socket limit starts late
 * (3 s) and cannot change once the endpoint has responded, and bodies have no bound.
 */
export class SdkRequestHandler implements RequestHandler<HttpRequest, HttpResponse, HttpHandlerOptions> {
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

  /** Sends a request of the SDK. Rejects as `exchange` does. */
  async handle(request: HttpRequest, options: HttpHandlerOptions = {}): Promise<{ response: HttpResponse }> {
    const { maxBodyBytes } = options as SdkHandlerOptions;
    const { status, headers, body } = await this.exchange(request, options as SdkHandlerOptions);
    const others = Object.entries(headers).filter(([name]) => !HIDDEN_HEADERS.has(name));
    const modifiedMs = knownTime(headers['last-modified']);
    const lastModified = modifiedMs !== undefined && { 'last-modified': new Date(modifiedMs).toUTCString() };
    // `listPage` takes the objects out of a listing first, because rewriting a thousand times takes a millisecond of a miss
    const isDocument = Buffer.isBuffer(body) && maxBodyBytes !== MAX_LISTING_BYTES;
    const response = {
      statusCode: status,
      headers: { ...Object.fromEntries(others), ...lastModified },
      body: isDocument ? Buffer.from(withPlainTimes(body.toString())) : body,
    };
    return { response: response as HttpResponse };
  }

  /**
   * Sends a signed request and reads the body of its response, or leaves it to the caller (`maxBodyBytes`).
   * `requestTimeout` replaces the idle timeout, in ms. Rejects with a ResponseError unless the response is a success, and as the
   * transport does.
   */
  async exchange(request: HttpRequest, options: SdkHandlerOptions): Promise<ReadResponse> {
    const { connectMs, idleTimeoutMs } = this.#limits.request;
    const send: Transport['send'] = options.send ?? ((...sent) => this.#transport.send(...sent));
    const response = await send(toTransportRequest(request, this.#userAgent), {
      signal: options.abortSignal,
      connectMs,
      idleTimeoutMs: options.requestTimeout ?? idleTimeoutMs,
      ...(options.responseMs !== undefined && { responseMs: options.responseMs }),
    });
    this.#limits.noteResponse();
    this.serverTimeMs = knownTime(response.headers.date) ?? this.serverTimeMs;
    options.onResponse?.(response);
    const { status, headers, body } = response;
    if (status < 200 || status >= 300) throw new ResponseError(response, await refusalText(body));
    const { maxBodyBytes = MAX_BODY_BYTES } = options;
    if (maxBodyBytes === 'stream') return response;
    const read = await readWhole(body, maxBodyBytes);
    // Many declarations would take the SDK's parser quadratic time (3.1169: `isNext` of @aws-sdk/xml-builder). S3 sends none
    if (read.includes('<!D') || read.includes('<!d'))
      throw new ProtocolError('the response is a web page, so this is no S3 server');
    // Joining and copying may fail after the status of a success was sent (AWS, "CompleteMultipartUpload")
    if (read.subarray(-64).toString().trimEnd().endsWith('</Error>'))
      throw new ResponseError(response, read.toString());
    return { status, headers, body: read };
  }

  destroy(): void {
    this.#transport.close();
  }

  /** Ignores settings of the SDK: the constructor has set all of them. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function toTransportRequest(request: HttpRequest, userAgent: string): TransportRequest {
  const { method, protocol, hostname, port, body } = request;
  // The SDK's own user agent names the runner's platform and versions at length; this header is not signed
  const headers = { ...request.headers, 'user-agent': userAgent };
  return { method, protocol, hostname, port, target: pathAndQuery(request), headers, body };
}

/** Returns path and query of a request. The SDK passes the query decoded, and signs it in this encoding. */
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

/** Returns the body of a refusal. Returns '' for one that is too long, so that only its status is used. */
async function refusalText(body: Readable): Promise<string> {
  try {
    return (await readWhole(body, MAX_BODY_BYTES)).toString();
  } catch (error) {
    if (error instanceof ProtocolError) return '';
    throw error;
  }
}
