import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import { readSmallFile } from '../../../archive/fs/small-file.ts';
import { deadline } from '../../../retry/signals.ts';
import { redact } from '../../redact.ts';
import { NoCredentialsError, SecretlessRunError, StoreRefusedError } from '../../store-errors.ts';
import { type CredentialsSource, describeSource } from '../errors/refusals.ts';
import { classify } from '../errors/s3-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { CredentialsCall } from './credentials-call.ts';
import { fromProfile, MAX_TOKEN_BYTES, NoSourceError, stsEndpoint } from './profile.ts';
import { assumeRole, type CredentialsOptions } from './role.ts';
import { SDK_CONSTANTS } from './sdk-constants.ts';
import { readSharedFiles } from './shared-files.ts';

/** Time limit of the instance metadata service, in ms. */
const INSTANCE_METADATA_MS = 2000;
/** Time limit of all sources together, in ms. */
const CREDENTIALS_MS = 9000;

/** Time before the expiry of credentials at which they are renewed, in ms. */
const RENEW_BEFORE_MS = 300_000;

/** Shortest wait between two renewals while the credentials are valid, in ms. */
const RENEW_AGAIN_MS = 60_000;

/**
 * Returns the credentials that sign the requests: the keys of the settings, or the keys of the role in the settings. There are
 * none if only a save assumes a role. If the settings have neither, these sources are tried in order: the keys of the
 * environment, the web identity token, the shared files, and the instance metadata service (only if the settings allow it,
 * because its address does not respond outside AWS). With AWS_PROFILE the keys of the environment are not used, and the shared
 * files are before the web identity, as in @aws-sdk/credential-provider-node 3. A fork's pull request gets only keys from them,
 * no role.
 *
 * Renews credentials that expire. Imports the SDK's providers only when they are needed, because most runs have keys.
 */
export function credentialsFor(
  settings: S3Settings,
  options: CredentialsOptions,
): AwsCredentialIdentity | AwsCredentialIdentityProvider {
  const { credentials, role } = settings;
  if (credentials) return credentials;
  if (settings.onlySaveHasRole) return () => Promise.reject(onlyForSave(settings));
  return withRenewal(() => (role ? assumeRole(role, settings, options) : fromSources(settings, options)));
}

function onlyForSave({ forkPullRequest }: S3Settings): NoCredentialsError {
  if (forkPullRequest)
    return new SecretlessRunError('no credentials: a pull request from a fork gets no role');
  return new NoCredentialsError(
    "no credentials: only a save assumes the role of 'role-to-assume-for-save'; set 'role-to-assume' too",
    { input: 'role-to-assume' },
  );
}

/** Keeps credentials, or the failure to get any. Renews them before they expire. If that fails, they are used until they expire. */
function withRenewal(source: Source): Source {
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
 * Returns the time of the next renewal in ms since 1970, at least one minute from now while the credentials are valid. Otherwise
 * each request would renew them if the session is very short, or if the runner's clock is ahead of the server's.
 */
function renewalMs(expiresMs: number, nowMs: number): number {
  const earliest = nowMs + RENEW_AGAIN_MS;
  return Math.max(expiresMs - RENEW_BEFORE_MS, expiresMs > nowMs ? Math.min(earliest, expiresMs) : earliest);
}

type Source = () => Promise<AwsCredentialIdentity>;

/** Credentials that neither the inputs nor a role of the inputs provide. */
export interface SourceCredentials extends AwsCredentialIdentity {
  readonly source: CredentialsSource;
}

async function fromSources(
  settings: S3Settings,
  { clock, stsHandler }: CredentialsOptions,
): Promise<SourceCredentials> {
  const limit = deadline(CREDENTIALS_MS, clock);
  const reasons: string[] = [];
  const failed: CredentialsSource[] = [];
  try {
    for (const [name, source] of sources(settings, stsHandler)) {
      try {
        return { ...(await new CredentialsCall().run(source, limit.signal)), source: name };
      } catch (error) {
        reasons.push(`${name}: ${reasonOf(error as Error)}`);
        if (!(error instanceof NoSourceError)) failed.push(name);
        if (limit.signal.aborted) break;
      }
    }
  } finally {
    limit.clear();
  }
  throw noCredentialsError(settings, failed, reasons.length > 0 ? ` (${reasons.join('; ')})` : '');
}

/**
 * Makes the error of a run without credentials.
 * @param failed the sources that exist, or may exist, and returned no credentials.
 * @param reasons the reasons of all sources, in brackets, or ''.
 */
function noCredentialsError(
  settings: S3Settings,
  failed: readonly CredentialsSource[],
  reasons: string,
): StoreRefusedError {
  const { missingKey, environment: env } = settings;
  const withheld = withheldText(settings);
  if (missingKey !== undefined && withheld === undefined) {
    const other = missingKey === 'secretKey' ? 'accessKey' : 'secretKey';
    return new StoreRefusedError(missingText(missingKey, other) + reasons, { input: missingKey });
  }
  // No setting selects the instance metadata, and GitHub's own runners have none
  const selected = failed.filter(source => source !== 'instance metadata');
  if (selected.length > 0) {
    const places = selected.map(source => ({ input: 'accessKey', place: describeSource(source, settings) }));
    return new StoreRefusedError(`no credentials${reasons}`, places);
  }
  if (withheld !== undefined) return new SecretlessRunError(withheld + reasons);
  // The machine may have a role although its metadata service has failed, so reads without a signature are not tried
  const NoKeysError = failed.length > 0 ? StoreRefusedError : NoCredentialsError;
  if (!env.AWS_PROFILE && !env[KEY_ID] !== !env[SECRET]) {
    const [missing, other] = env[KEY_ID] ? [SECRET, KEY_ID] : [KEY_ID, SECRET];
    return new NoKeysError(missingText(missing, other) + reasons, missing);
  }
  return new NoKeysError(
    `no credentials: set accessKey and secretKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY${reasons}`,
    { input: 'accessKey' },
  );
}

/** Returns the text about a run to which GitHub gives no secrets of the repository. Returns undefined for any other run. */
function withheldText({ forkPullRequest, environment: env }: S3Settings): string | undefined {
  if (forkPullRequest) return 'no credentials: a pull request from a fork gets no secrets';
  // Actor and secrets of a re-run are those of the first attempt
  if (env.GITHUB_ACTOR !== 'dependabot[bot]') return undefined;
  return 'no credentials: a run of Dependabot gets only the Dependabot secrets of the repository';
}

const KEY_ID = 'AWS_ACCESS_KEY_ID';
const SECRET = 'AWS_SECRET_ACCESS_KEY';

function missingText(missing: string, other: string): string {
  return `no credentials: ${missing} is empty, and ${other} is set`;
}

/**
 * Returns the reason of a provider in at most 200 characters. For a service it is status and code, because the message may quote
 * the token. For a process it is fixed, because Node's message quotes command line and output.
 */
function reasonOf(error: Error): string {
  const { status, statusAndCode } = classify(error);
  if (status !== undefined) return statusAndCode;
  if (error.message.startsWith('Command failed')) return 'credential_process failed';
  return redact(error.message.slice(0, 200)).replace(/\.$/, '');
}

/** Yields the sources that the environment names, in order, each with its name for messages. */
function* sources(
  settings: S3Settings,
  stsHandler: CredentialsOptions['stsHandler'],
): Generator<[CredentialsSource, Source]> {
  const { region, instanceMetadata, environment: env } = settings;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId && secretAccessKey && !env.AWS_PROFILE) {
    const sessionToken = env.AWS_SESSION_TOKEN;
    yield [
      'environment',
      async () => ({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }),
    ];
  }
  const client = { ...SDK_CONSTANTS, requestHandler: stsHandler() };
  const profile: [CredentialsSource, Source] = ['shared file', () => fromProfile(settings, client)];
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
