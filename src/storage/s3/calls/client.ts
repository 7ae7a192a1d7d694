import type { Clock } from '../../../retry/clock.ts';
import type { TimeLimits } from '../../../retry/time-limits.ts';
import { credentialsFor } from '../credentials/credentials.ts';
import type { S3Settings } from '../s3-settings.ts';
import { Transport } from '../transport/transport.ts';
import { S3Client } from './sdk.ts';
import { SdkRequestHandler } from './sdk-request-handler.ts';

/** The SDK's client and the handler that carries its requests. */
export interface Connection {
  readonly client: S3Client;
  readonly handler: SdkRequestHandler;
}

/**
 * An SDK client that talks to one endpoint in our way. Asks nothing of the network.
 * @throws StoreRefusedError for a ca-file or proxy that cannot be used.
 */
export function connect(
  settings: S3Settings,
  limits: TimeLimits,
  clock: Clock,
  userAgent: string,
): Connection {
  const handler = new SdkRequestHandler(new Transport(settings.caFile, clock), limits, userAgent);
  const client = new S3Client({
    ...(settings.endpoint && { endpoint: settings.endpoint.href }),
    region: settings.region,
    credentials: credentialsFor(settings, clock),
    forcePathStyle: settings.forcePathStyle,
    requestHandler: handler,
    // Each call has retries and limits of ours (call.ts); two layers would multiply. (A strategy rather than
    // `maxAttempts: 1`, which prints a line to the console for every failed streamed body.)
    retryStrategy: { mode: 'none', retry: (next, args) => next(args) },
    maxAttempts: 1,
    retryMode: 'standard',
    // Frames carry their own SHA-256. The SDK's default checksums make radosgw 16.2.15 answer 411 to a stream.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With `Expect: 100-continue` every body over 2 MiB takes a new connection, and a refusal arrives as EPIPE.
    expectContinueHeader: false,
    // Given so that the SDK does not look for them in ~/.aws and the environment at every start.
    defaultsMode: 'standard',
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
    authSchemePreference: [],
    sigv4aSigningRegionSet: [],
    userAgentAppId: async () => undefined,
  });
  client.middlewareStack.remove('getUserAgentMiddleware');
  return { client, handler };
}
