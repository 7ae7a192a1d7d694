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

/** The first request of an operation on one object or upload. */
interface FirstRequest {
  readonly client: S3Client;
  /** Name of the object, or id of the upload. */
  readonly name: string;
  /** The signed request. Undefined until the SDK has made it. */
  request?: HttpRequest;
  signer?: Promise<RequestSigner>;
}

/**
 * Creates the function that signs the requests of a store. The SDK makes the first request of an operation on one object. The next
 * ones on this object have a `difference` from it in a few headers or parameters, so the SDK only signs them: its middleware takes
 * ten times as long (ADR 0025).
 */
export function createRepeatedSigner() {
  /** The first request on the latest object, by operation. */
  const latest = new Map<string, FirstRequest>();
  return async <I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    client: S3Client,
    { operation, name }: { readonly operation: string; readonly name: string },
    makeCommand: () => S3Command<I, O>,
    difference: RequestDifference,
  ): Promise<HttpRequest> => {
    let first = latest.get(operation);
    if (first?.name !== name) {
      first = { client, name };
      latest.set(operation, first);
    }
    if (first.request) return signAgain(first, first.request, difference);
    const request = await signOnly(first.client, makeCommand());
    first.request ??= request;
    return request;
  };
}

/** Signs a request as the SDK does: with its credentials, by the server's clock, for region and service of the first request. */
async function signAgain(
  first: FirstRequest,
  request: HttpRequest,
  difference: RequestDifference,
): Promise<HttpRequest> {
  const { config } = first.client;
  first.signer ??= config.signer();
  const [, signingRegion, signingService] = SCOPE.exec(request.headers.authorization ?? '') ?? [];
  const signer = await first.signer;
  return signer.sign(applyDifference(request, difference), {
    signingDate: new Date(Date.now() + config.systemClockOffset),
    ...(signingRegion !== undefined && { signingRegion }),
    ...(signingService !== undefined && { signingService }),
  });
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
