import { Readable } from 'node:stream';
import type { HttpRequest, RequestSigner } from '@smithy/types';
import type { TransportResponse } from '../transport/transport.ts';
import type { S3Client } from './sdk.ts';
import type { SdkHandlerOptions, SdkRequestHandler } from './sdk-request-handler.ts';

/** The part in which a request differs from the first one. A value of undefined removes a header or parameter. */
interface RequestDifference {
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

/** Sends the whole request by the SDK's client with these options. */
type SendBySdk = (options: SdkHandlerOptions) => Promise<unknown>;

/** Headers that the SDK adds for its own statistics. */
const SDK_HEADERS = /^amz-sdk-/;

/** Region and service of a signature (Signature Version 4): `Credential=KEY/20261129/us-east-1/s3/aws4_request`. */
const SCOPE = /\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/;

/**
 * Sends requests of one operation on one object. The first one is made by the SDK. Those that follow are the same but for a
 * few headers or parameters, so the SDK only signs them: its middleware takes ten times as long (ADR 0025).
 */
export class RepeatedRequest {
  readonly #client: S3Client;
  #first: HttpRequest | undefined;
  #signer: Promise<RequestSigner> | undefined;

  constructor(client: S3Client) {
    this.#client = client;
  }

  /**
   * Sends the request that differs from the first one by `difference`, or lets `bySdk` send it. Resolves with a success, whose body is still
   * to be read with `maxBodyBytes: 'stream'`. Rejects as the SDK's client does.
   */
  async send(
    bySdk: SendBySdk,
    difference: RequestDifference,
    options: SdkHandlerOptions,
  ): Promise<TransportResponse> {
    if (!this.#first) return this.#sendBySdk(bySdk, options);
    const handler = this.#client.config.requestHandler as unknown as SdkRequestHandler;
    const request = await this.#sign(applied(this.#first, difference));
    const { response, body } = await handler.exchange(request, options);
    if (response.status >= 200 && response.status < 300) return response;
    // The SDK makes its error of the response
    const bytes = body as Buffer;
    const read = { ...response, body: Readable.from(bytes.length > 0 ? [bytes] : []) };
    return this.#sendBySdk(bySdk, { ...options, send: async () => read });
  }

  async #sendBySdk(bySdk: SendBySdk, options: SdkHandlerOptions): Promise<TransportResponse> {
    let received: TransportResponse | undefined;
    await bySdk({
      ...options,
      onRequest: request => {
        this.#first ??= request;
      },
      onResponse: response => {
        received = response;
        options.onResponse?.(response);
      },
    });
    return received!;
  }

  /** Signs as the SDK does: with its credentials, by the server's clock, for the region and service of the first request. */
  async #sign(request: HttpRequest): Promise<HttpRequest> {
    const { config } = this.#client;
    this.#signer ??= config.signer();
    const [, signingRegion, signingService] = SCOPE.exec(this.#first!.headers.authorization ?? '') ?? [];
    const signer = await this.#signer;
    return signer.sign(request, {
      signingDate: new Date(Date.now() + config.systemClockOffset),
      ...(signingRegion !== undefined && { signingRegion }),
      ...(signingService !== undefined && { signingService }),
    });
  }
}

/** The repeated requests of a store: for each operation those of the latest object. */
export class RepeatedRequests {
  /** By operation: the name of the object, and its requests. */
  readonly #latest = new Map<string, readonly [string, RepeatedRequest]>();

  /** Returns the requests of an operation on one object: `name`, or a name of an upload to it. */
  of(client: S3Client, operation: string, name: string): RepeatedRequest {
    const [latest, known] = this.#latest.get(operation) ?? [];
    if (known && latest === name) return known;
    const request = new RepeatedRequest(client);
    this.#latest.set(operation, [name, request]);
    return request;
  }
}

function applied(first: HttpRequest, { headers = {}, query = {}, body }: RequestDifference): HttpRequest {
  const kept = Object.entries(first.headers).filter(([name]) => !SDK_HEADERS.test(name));
  return {
    ...first,
    headers: defined({ ...Object.fromEntries(kept), ...headers }),
    query: defined({ ...first.query, ...query }),
    body,
  };
}

function defined<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(values).filter((pair): pair is [string, T] => pair[1] !== undefined),
  );
}
