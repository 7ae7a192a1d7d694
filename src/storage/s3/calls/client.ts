import type { AwsCredentialIdentity, HttpRequest } from '@smithy/types';
import type { Log } from '../../../report/log.ts';
import type { Clock } from '../../../retry/clock.ts';
import { TimeLimits } from '../../../retry/time-limits.ts';
import { credentialsFor, type SourceCredentials } from '../credentials/credentials.ts';
import type { RoleCredentials } from '../credentials/role.ts';
import { SDK_CONSTANTS } from '../credentials/sdk-constants.ts';
import { clockDifference, type IdentityUse } from '../errors/refusals.ts';
import type { S3Settings } from '../s3-settings.ts';
import { readConnectionSettings } from '../transport/agents.ts';
import { Transport } from '../transport/transport.ts';
import { S3Client, type S3ClientConfig } from './sdk.ts';
import { SdkRequestHandler } from './sdk-request-handler.ts';

/** Options of a connection that are no settings of the bucket. */
export interface ConnectionOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** `cache-s3/<version>`. */
  readonly userAgent: string;
  /** Registers a secret with the runner, which replaces it in the log. */
  readonly mask: (secret: string) => void;
}

/** The SDK's clients of one endpoint, and the handler that sends their requests. */
export type Connection = ReturnType<typeof createConnection>;

/**
 * Makes the SDK's clients for an endpoint, with our limits. Opens no connection yet.
 * @throws StoreRefusedError for a ca-file or proxy that cannot be used.
 */
export function createConnection(settings: S3Settings, limits: TimeLimits, options: ConnectionOptions) {
  const { clock, log, userAgent } = options;
  const connectionSettings = readConnectionSettings(settings);
  const transport = new Transport(connectionSettings, clock);
  const handler = new SdkRequestHandler(transport, limits, userAgent);
  // A response of an STS proves nothing about the endpoint, so an STS has separate limits
  const stsHandler = (firstByteMs = limits.figures.firstByteMs) =>
    new SdkRequestHandler(transport, new TimeLimits(clock, { ...limits.figures, firstByteMs }), userAgent);
  const source = credentialsFor(settings, { ...options, stsHandler });
  let known: AwsCredentialIdentity | undefined;
  const credentials = async () => {
    known = typeof source === 'function' ? await source() : source;
    return known;
  };
  const config: S3ClientConfig = {
    ...SDK_CONSTANTS,
    ...(settings.endpoint && { endpoint: settings.endpoint.href }),
    region: settings.region,
    forcePathStyle: settings.forcePathStyle,
    requestHandler: handler,
    // caller.ts retries each call, and two layers of retries would multiply. A strategy is used in place of `maxAttempts: 1`,
    // which prints a line to the console for every failed streamed body
    retryStrategy: { mode: 'none', retry: (next, args) => next(args) },
    // Frames have a SHA-256. The SDK's default checksums make radosgw 16.2.15 return 411 for a stream
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With `Expect: 100-continue` every body over 2 MiB needs a new connection, and a refusal arrives as EPIPE
    expectContinueHeader: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
  };
  const makeClient = (own: Pick<S3ClientConfig, 'credentials' | 'signer'>) => {
    const client = new S3Client({ ...config, ...own });
    client.middlewareStack.remove('getUserAgentMiddleware');
    return client;
  };
  const client = makeClient({ credentials });
  let unsigned: S3Client | undefined;
  let isClockNoted = false;
  return {
    client,
    /** Client that sends requests without a signature. It is made at the first use. */
    get unsignedClient() {
      unsigned ??= makeClient({ credentials: EMPTY_KEYS, signer: UNSIGNED });
      return unsigned;
    },
    handler,
    /** Settings by which other threads connect to the endpoint. */
    settings: connectionSettings,
    /** Signs the requests that follow by the server's clock, which is at `serverMs` (ms since 1970). */
    signByServerClock(serverMs: number) {
      client.config.systemClockOffset = serverMs - Date.now();
      if (isClockNoted) return;
      isClockNoted = true;
      const cause = clockDifference(serverMs);
      log.notice(`Requests are signed by the server's clock, because ${cause}. Correct the clock.`);
    },
    /** Obtains the credentials, or renews them before they expire. Rejects with the reason for which there are none. */
    signIn: async () => void (await credentials()),
    /** Returns the kind of the credentials. Before `signIn` they count as keys without a session. */
    identity: (): Omit<IdentityUse, 'haveWorked'> => ({
      isTemporary: known?.sessionToken !== undefined,
      expiresMs: known?.expiration?.getTime(),
      role: (known as Partial<RoleCredentials> | undefined)?.role,
      source: (known as Partial<SourceCredentials> | undefined)?.source,
    }),
  };
}

/** Keys for requests without a signature, because the SDK requires some. */
const EMPTY_KEYS = { accessKeyId: '', secretAccessKey: '' };

const UNSIGNED = { sign: async (request: HttpRequest) => request };
