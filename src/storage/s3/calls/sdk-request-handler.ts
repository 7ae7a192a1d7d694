import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import type { Transport, TransportRequest, TransportResponse } from '../transport/transport.ts';

/** The options of a call, which the SDK passes on to its handler as they are. */
export interface SdkHandlerOptions extends HttpHandlerOptions {
  /** Called with the status of each response. */
  readonly onStatus?: (status: number) => void;
}

/**
 * Lets the SDK send its signed requests by our transport.
 *
 * The SDK's own NodeHttpHandler cannot keep the limits that we promise: its connection limit ends before TLS, its socket
 * limit starts late (3 s) and cannot change once the endpoint has answered.
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

  /** `requestTimeout` overrides the idle timeout, in ms. Rejects with the abort signal's own reason. */
  async handle(request: HttpRequest, options: SdkHandlerOptions = {}): Promise<{ response: HttpResponse }> {
    const { connectMs, idleTimeoutMs } = this.#limits.request;
    const response = await this.#transport.send(toTransport(request, this.#userAgent), {
      signal: options.abortSignal as AbortSignal | undefined,
      connectMs,
      idleTimeoutMs: options.requestTimeout ?? idleTimeoutMs,
    });
    this.#limits.answered();
    const time = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(time)) this.serverTimeMs = time;
    options.onStatus?.(response.status);
    return { response: toSdk(response) };
  }

  destroy(): void {
    this.#transport.close();
  }

  /** The SDK passes further settings here. All of ours are given already. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function toTransport(request: HttpRequest, userAgent: string): TransportRequest {
  const { method, protocol, hostname, port, body } = request;
  // The SDK's own user agent names the runner's platform and versions at length; this header is not signed.
  const headers = { ...request.headers, 'user-agent': userAgent };
  return { method, protocol, hostname, port, target: pathAndQuery(request), headers, body };
}

/** The SDK hands the query over decoded, and signs it in this encoding. */
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

function toSdk({ status, reason, headers, body }: TransportResponse): HttpResponse {
  return { statusCode: status, reason, headers, body } as HttpResponse;
}
