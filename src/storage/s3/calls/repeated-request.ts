import type { HttpRequest, RequestSigner } from '@smithy/types';
import type { S3Command } from './call.ts';
import type { S3Client, ServiceInputTypes, ServiceOutputTypes } from './sdk.ts';

/** The difference of a request from the first one. A value of undefined removes a header or parameter. */
interface RequestDifference {
  /** Headers with names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

/** Headers that the SDK adds for its own statistics. */
const SDK_HEADERS = /^amz-sdk-/;

/** Region and service of a signature (Signature Version 4): `Credential=KEY/20261129/us-east-1/s3/aws4_request`. */
const SCOPE = /\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/;

/**
 * Signs requests of one operation on one object. The SDK makes the first one. The others differ from it in a few headers or
 * parameters, so the SDK only signs them: its middleware takes ten times as long (ADR 0025).
 */
class RepeatedRequest {
  readonly #client: S3Client;
  #first: HttpRequest | undefined;
  #signer: Promise<RequestSigner> | undefined;

  constructor(client: S3Client) {
    this.#client = client;
  }

  /** Returns the signed request of the command. `difference` is its difference from the first one. */
  async sign<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    makeCommand: () => S3Command<I, O>,
    difference: RequestDifference,
  ): Promise<HttpRequest> {
    if (!this.#first) {
      const first = await signOnly(this.#client, makeCommand());
      this.#first ??= first;
      return first;
    }
    return this.#signAgain(applyDifference(this.#first, difference));
  }

  /** Signs a request as the SDK does: with its credentials, by the server's clock, for region and service of the first request. */
  async #signAgain(request: HttpRequest): Promise<HttpRequest> {
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

/** Makes and signs the request of a command by the SDK, without sending it. */
async function signOnly<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  client: S3Client,
  command: S3Command<I, O>,
): Promise<HttpRequest> {
  let signed: HttpRequest | undefined;
  command.middlewareStack.add(
    () => async args => {
      signed = args.request as HttpRequest;
      return { output: { $metadata: {} } as O, response: {} };
    },
    // This step is after the signature, the last one before the request is sent
    { step: 'finalizeRequest', priority: 'low' },
  );
  await client.send(command);
  return signed!;
}

/** The repeated requests of a store: for each operation, those on the latest object. */
export class RepeatedRequests {
  /** The name of the latest object and the requests on it, by operation. */
  readonly #latest = new Map<string, readonly [string, RepeatedRequest]>();

  /** Returns the requests of an operation on one object or upload. `name` identifies it. */
  of(client: S3Client, operation: string, name: string): RepeatedRequest {
    const [latest, known] = this.#latest.get(operation) ?? [];
    if (known && latest === name) return known;
    const request = new RepeatedRequest(client);
    this.#latest.set(operation, [name, request]);
    return request;
  }
}

function applyDifference(
  first: HttpRequest,
  { headers = {}, query = {}, body }: RequestDifference,
): HttpRequest {
  const kept = Object.entries(first.headers).filter(([name]) => !SDK_HEADERS.test(name));
  return {
    ...first,
    headers: withoutUndefined({ ...Object.fromEntries(kept), ...headers }),
    query: withoutUndefined({ ...first.query, ...query }),
    body,
  };
}

function withoutUndefined<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(values).filter((pair): pair is [string, T] => pair[1] !== undefined),
  );
}
