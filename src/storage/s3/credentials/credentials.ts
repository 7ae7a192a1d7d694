import type {
  AwsCredentialIdentity,
  AwsCredentialIdentityProvider,
  HttpRequest,
  HttpResponse,
  RequestHandler,
} from '@smithy/types';
import { readSmallFile } from '../../../archive/fs/small-file.ts';
import type { Clock } from '../../../retry/clock.ts';
import { deadline, unlessAborted } from '../../../retry/signals.ts';
import { StoreRefusedError } from '../../store-errors.ts';
import { errorCode, httpStatus } from '../errors/classify.ts';
import { redact } from '../errors/redact.ts';
import type { S3Settings } from '../s3-settings.ts';
import { fromProfile, MAX_TOKEN_BYTES, stsEndpoint } from './profile.ts';
import { SDK_CONSTANTS } from './sdk-constants.ts';

const INSTANCE_METADATA_MS = 2000;
/** All sources together: a web identity is exchanged over the network. */
const CREDENTIALS_MS = 9000;

/** Makes the handler that sends requests to an STS. */
type StsHandler = () => RequestHandler<HttpRequest, HttpResponse>;

/** Time before the expiry of credentials at which they are refreshed, in ms. */
const REFRESH_BEFORE_MS = 300_000;

/**
 * Returns the credentials that sign the requests: the keys of the settings, else those of the environment, a web identity
 * token, the shared file, and the instance metadata service only where the settings allow it. Elsewhere a runner would
 * wait for an address that does not respond. A fork's pull request gets keys only: a role of the runner is not lent to its
 * code. With AWS_PROFILE the shared file goes before the web identity, and the keys of the environment are not used (the
 * rule of @aws-sdk/credential-provider-node 3).
 *
 * The SDK's providers are imported when they are needed: most runs have keys.
 */
export function credentialsFor(
  settings: S3Settings,
  clock: Clock,
  stsHandler: StsHandler,
): AwsCredentialIdentity | AwsCredentialIdentityProvider {
  if (settings.credentials) return settings.credentials;
  let known: Promise<AwsCredentialIdentity> | undefined;
  return async () => {
    const expires = (await known?.catch(() => undefined))?.expiration;
    if (expires && expires.getTime() - Date.now() < REFRESH_BEFORE_MS) known = undefined;
    known ??= fromSources(settings, clock, stsHandler);
    return known;
  };
}

type Source = () => Promise<AwsCredentialIdentity>;

async function fromSources(
  settings: S3Settings,
  clock: Clock,
  stsHandler: StsHandler,
): Promise<AwsCredentialIdentity> {
  const limit = deadline(CREDENTIALS_MS, clock);
  const reasons: string[] = [];
  try {
    for (const [name, source] of sources(settings, stsHandler)) {
      try {
        return await unlessAborted(source(), limit.signal);
      } catch (error) {
        reasons.push(`${name}: ${reasonOf(error as Error)}`);
        if (limit.signal.aborted) break;
      }
    }
  } finally {
    limit.clear();
  }
  throw new StoreRefusedError(
    'no credentials: set accessKey and secretKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY' +
      (reasons.length > 0 ? ` (${reasons.join('; ')})` : ''),
    `the input '${settings.missingKey ?? 'accessKey'}'`,
  );
}

/**
 * Returns a provider's reason in at most 200 characters. Of a service only status and code, as its message may quote the
 * token; of a process not the command line and output, which Node's message quotes.
 */
function reasonOf(error: Error): string {
  const status = httpStatus(error);
  if (status !== undefined) return [status, errorCode(error) ?? ''].join(' ').trim();
  if (error.message.startsWith('Command failed')) return 'credential_process failed';
  return redact(error.message.slice(0, 200)).replace(/\.$/, '');
}

function* sources(settings: S3Settings, stsHandler: StsHandler): Generator<[string, Source]> {
  const { region, instanceMetadata, forkPullRequest, environment: env } = settings;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId && secretAccessKey && !env.AWS_PROFILE) {
    const sessionToken = env.AWS_SESSION_TOKEN;
    yield [
      'environment',
      async () => ({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }),
    ];
  }
  const client = { ...SDK_CONSTANTS, requestHandler: stsHandler() };
  const profile: [string, Source] = ['shared file', () => fromProfile(env, !forkPullRequest, region, client)];
  if (env.AWS_PROFILE) yield profile;
  const { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: roleArn } = env;
  if (tokenFile && roleArn) {
    yield ['web identity', () => fromTokenFile(tokenFile, roleArn, settings, { ...client, region })];
  }
  if (!env.AWS_PROFILE) yield profile;
  if (!instanceMetadata) return;
  const imds = () => import('@smithy/credential-provider-imds');
  const limits = { timeout: INSTANCE_METADATA_MS, maxRetries: 0 };
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    yield ['container', async () => (await imds()).fromContainerMetadata(limits)()];
  } else if (env.AWS_EC2_METADATA_DISABLED !== 'true') {
    yield ['instance metadata', async () => (await imds()).fromInstanceMetadata(limits)()];
  }
}

/** Exchanges the token in a file for the keys of a role. */
async function fromTokenFile(
  tokenFile: string,
  roleArn: string,
  { forkPullRequest, environment: env }: S3Settings,
  client: Readonly<Record<string, unknown>>,
): Promise<AwsCredentialIdentity> {
  if (forkPullRequest) throw new Error('a pull request from a fork gets no role of the runner');
  const webIdentityToken = readSmallFile(tokenFile, MAX_TOKEN_BYTES).trim();
  const { fromWebToken } = await import('@aws-sdk/credential-provider-web-identity');
  const { AWS_ROLE_SESSION_NAME } = env;
  return fromWebToken({
    webIdentityToken,
    roleArn,
    ...(AWS_ROLE_SESSION_NAME && { roleSessionName: AWS_ROLE_SESSION_NAME }),
    clientConfig: { ...client, ...stsEndpoint(env) },
  })();
}
