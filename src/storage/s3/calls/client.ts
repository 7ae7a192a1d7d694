import type { Clock } from '../../../retry/clock.ts';
import { TimeLimits } from '../../../retry/time-limits.ts';
import { credentialsFor } from '../credentials/credentials.ts';
import { SDK_CONSTANTS } from '../credentials/sdk-constants.ts';
import type { S3Settings } from '../s3-settings.ts';
import { type ConnectionSettings, readConnectionSettings } from '../transport/agents.ts';
import { Transport } from '../transport/transport.ts';
import { S3Client } from './sdk.ts';
import { SdkRequestHandler } from './sdk-request-handler.ts';

/** The SDK's client and the handler that sends its requests. */
export interface Connection {
  readonly client: S3Client;
  readonly handler: SdkRequestHandler;
  /** How to connect, for other threads. */
  readonly settings: ConnectionSettings;
  /** Returns whether the credentials have a session token. False before the first request. */
  isTemporary(): boolean;
}

/**
 * Makes an SDK client that talks to one endpoint within our limits. Opens no connection.
 * @throws StoreRefusedError for a ca-file or proxy that cannot be used.
 */
export function connect(
  settings: S3Settings,
  limits: TimeLimits,
  clock: Clock,
  userAgent: string,
): Connection {
  const connectionSettings = readConnectionSettings(settings);
  const transport = new Transport(connectionSettings, clock);
  const handler = new SdkRequestHandler(transport, limits, userAgent);
  // A response of an STS proves nothing about the endpoint, so the STS has limits of its own
  const stsHandler = () => new SdkRequestHandler(transport, new TimeLimits(clock, limits.figures), userAgent);
  const source = credentialsFor(settings, clock, stsHandler);
  let temporary = false;
  const credentials = async () => {
    const identity = typeof source === 'function' ? await source() : source;
    temporary = identity.sessionToken !== undefined;
    return identity;
  };
  const client = new S3Client({
    ...SDK_CONSTANTS,
    ...(settings.endpoint && { endpoint: settings.endpoint.href }),
    region: settings.region,
    credentials,
    forcePathStyle: settings.forcePathStyle,
    requestHandler: handler,
    // Each call has retries and limits of ours (caller.ts); two layers would multiply. (A strategy rather than
    // `maxAttempts: 1`, which prints a line to the console for every failed streamed body.)
    retryStrategy: { mode: 'none', retry: (next, args) => next(args) },
    // Frames carry their own SHA-256. The SDK's default checksums make radosgw 16.2.15 return 411 for a stream.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With `Expect: 100-continue` every body over 2 MiB takes a new connection, and a refusal arrives as EPIPE.
    expectContinueHeader: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
  });
  client.middlewareStack.remove('getUserAgentMiddleware');
  return { client, handler, settings: connectionSettings, isTemporary: () => temporary };
}
