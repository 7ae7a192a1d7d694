import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import { readSmallFile } from '../../../archive/fs/small-file.ts';
import { deadline } from '../../../retry/signals.ts';
import { redact } from '../../redact.ts';
import { ForkCredentialsError, NoCredentialsError, StoreRefusedError } from '../../store-errors.ts';
import { classify } from '../errors/s3-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { CredentialsCall } from './credentials-call.ts';
import { fromProfile, MAX_TOKEN_BYTES, NoSourceError, stsEndpoint } from './profile.ts';
import { assumeRole, type CredentialsOptions } from './role.ts';
import { SDK_CONSTANTS } from './sdk-constants.ts';
import { readSharedFiles } from './shared-files.ts';

const INSTANCE_METADATA_MS = 2000;
/** All sources together: a web identity is exchanged over the network. */
const CREDENTIALS_MS = 9000;

/** Time before the expiry of credentials at which they are renewed, in ms. */
const RENEW_BEFORE_MS = 300_000;

/** Shortest wait between two renewals while the credentials are valid, in ms. */
const RENEW_AGAIN_MS = 60_000;

/**
 * Returns the credentials that sign the requests: the keys of the settings, or those of the role that they name. There are none if
 * only a save takes a role. Without such keys and roles they come from the environment, a web identity token, the shared file, or
 * the instance metadata service. The last is used only if the settings allow it: elsewhere a runner would wait for an address that
 * does not respond. Of these sources a fork's pull request gets keys only: a role of the runner is not lent to its code. With
 * AWS_PROFILE the shared file goes before the web identity, and the keys of the environment are not used (the rule of
 * @aws-sdk/credential-provider-node 3).
 *
 * Credentials that expire are renewed. The SDK's providers are imported when they are needed: most runs have keys.
 */
export function credentialsFor(
  settings: S3Settings,
  options: CredentialsOptions,
): AwsCredentialIdentity | AwsCredentialIdentityProvider {
  const { credentials, role } = settings;
  if (credentials) return credentials;
  if (settings.onlySaveHasRole) return () => Promise.reject(onlyForSave(settings));
  return renewing(() => (role ? assumeRole(role, settings, options) : fromSources(settings, options)));
}

function onlyForSave({ forkPullRequest }: S3Settings): NoCredentialsError {
  if (forkPullRequest)
    return new ForkCredentialsError('no credentials: a pull request from a fork gets no role');
  return new NoCredentialsError(
    "no credentials: only a save takes the role of 'role-to-assume-for-save'; set 'role-to-assume' too",
    "the input 'role-to-assume'",
  );
}

/** Keeps credentials, or the failure to get any. Renews them before they expire; if that fails, they are used to their end. */
function renewing(source: Source): Source {
  let known: Promise<AwsCredentialIdentity> | undefined;
  let renewAtMs = Number.POSITIVE_INFINITY;
  const obtain = async (before: Promise<AwsCredentialIdentity> | undefined) => {
    try {
      const identity = await source();
      const { expiration } = identity;
      if (expiration) renewAtMs = renewalMs(expiration.getTime(), Date.now());
      return identity;
    } catch (error) {
      const earlier = await before;
      if (!earlier?.expiration || earlier.expiration.getTime() <= Date.now()) throw error;
      renewAtMs = renewalMs(earlier.expiration.getTime(), Date.now());
      return earlier;
    }
  };
  return () => {
    if (known === undefined || Date.now() >= renewAtMs) {
      renewAtMs = Number.POSITIVE_INFINITY;
      known = obtain(known);
    }
    return known;
  };
}

/**
 * Returns the time of the next renewal. A session may be shorter than the time before its end at which it is renewed, and a
 * clock that is ahead takes new keys for expired ones: each request would need a renewal.
 */
function renewalMs(expiresMs: number, nowMs: number): number {
  const earliest = nowMs + RENEW_AGAIN_MS;
  return Math.max(expiresMs - RENEW_BEFORE_MS, expiresMs > nowMs ? Math.min(earliest, expiresMs) : earliest);
}

type Source = () => Promise<AwsCredentialIdentity>;

async function fromSources(
  settings: S3Settings,
  { clock, stsHandler }: CredentialsOptions,
): Promise<AwsCredentialIdentity> {
  const limit = deadline(CREDENTIALS_MS, clock);
  const reasons: string[] = [];
  let hasFailed = false;
  try {
    for (const [name, source] of sources(settings, stsHandler)) {
      try {
        return await new CredentialsCall().run(source, limit.signal);
      } catch (error) {
        reasons.push(`${name}: ${reasonOf(error as Error)}`);
        hasFailed ||= !(error instanceof NoSourceError);
        if (limit.signal.aborted) break;
      }
    }
  } finally {
    limit.clear();
  }
  throw noCredentials(settings, hasFailed, reasons.length > 0 ? ` (${reasons.join('; ')})` : '');
}

/** Makes the error. `hasFailed`: a source exists and gave no credentials. `reasons` are those of all sources, in brackets. */
function noCredentials(
  { missingKey, forkPullRequest }: S3Settings,
  hasFailed: boolean,
  reasons: string,
): StoreRefusedError {
  if (hasFailed || (missingKey !== undefined && !forkPullRequest)) {
    return new StoreRefusedError(
      missingText(missingKey) + reasons,
      `the input '${missingKey ?? 'accessKey'}'`,
    );
  }
  return forkPullRequest
    ? new ForkCredentialsError(`no credentials: a pull request from a fork gets no secrets${reasons}`)
    : new NoCredentialsError(missingText(undefined) + reasons, "the input 'accessKey'");
}

function missingText(missingKey: S3Settings['missingKey']): string {
  if (missingKey === undefined)
    return 'no credentials: set accessKey and secretKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  return `no credentials: ${missingKey} is empty, and ${missingKey === 'secretKey' ? 'accessKey' : 'secretKey'} is set`;
}

/**
 * Returns a provider's reason in at most 200 characters. Of a service only status and code, as its message may quote the
 * token; of a process not the command line and output, which Node's message quotes.
 */
function reasonOf(error: Error): string {
  const { status, statusAndCode } = classify(error);
  if (status !== undefined) return statusAndCode;
  if (error.message.startsWith('Command failed')) return 'credential_process failed';
  return redact(error.message.slice(0, 200)).replace(/\.$/, '');
}

function* sources(
  settings: S3Settings,
  stsHandler: CredentialsOptions['stsHandler'],
): Generator<[string, Source]> {
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
    yield [
      'instance metadata',
      async () => {
        // The provider reads these files too, without a limit
        readSharedFiles(env);
        return (await imds()).fromInstanceMetadata(limits)();
      },
    ];
  }
}

/** Exchanges the token in a file for the keys of a role. */
async function fromTokenFile(
  tokenFile: string,
  roleArn: string,
  { forkPullRequest, environment: env }: S3Settings,
  client: Readonly<Record<string, unknown>>,
): Promise<AwsCredentialIdentity> {
  if (forkPullRequest) throw new NoSourceError('a pull request from a fork gets no role of the runner');
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
