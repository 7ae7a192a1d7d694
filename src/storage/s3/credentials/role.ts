import type { AwsCredentialIdentity, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types';
import type { Clock } from '../../../retry/clock.ts';
import { hedge } from '../../../retry/hedge.ts';
import { createRetryWaits, retry } from '../../../retry/retry-waits.ts';
import { deadline, raceSignal } from '../../../retry/signals.ts';
import { NoCredentialsError, SecretlessRunError } from '../../store-errors.ts';
import type { IdentityUse } from '../errors/refusals.ts';
import { isStatus } from '../errors/response-error.ts';
import { describeClaims, NO_KEYS, stsFailure, tokenFailure } from '../errors/role-refusals.ts';
import { classify } from '../errors/s3-errors.ts';
import type { RoleSettings, S3Settings } from '../s3-settings.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { CredentialsCall } from './credentials-call.ts';
import { offersIdTokens, requestIdToken } from './id-token.ts';
import { SDK_CONSTANTS } from './sdk-constants.ts';

/** Time limit of token and role together, in ms. A gateway fetches the issuer's keys for each exchange. */
const ROLE_MS = 10_000;

/** Wait before a second exchange begins beside the first, in ms. radosgw 16.2.15 does not respond to about one in 15,000. */
const EXCHANGE_AGAIN_MS = 3000;

/** Options of the sources of credentials. */
export interface CredentialsOptions {
  readonly clock: Clock;
  /** Makes the handler that sends requests to an STS, which may take `firstByteMs` for the first byte of its response. */
  readonly stsHandler: (firstByteMs?: number) => RequestHandler<HttpRequest, HttpResponse>;
  /** Registers a secret with the runner, which replaces it in the log. */
  readonly mask: (secret: string) => void;
}

/** The keys of a role, and the run that has assumed it. */
export interface RoleCredentials extends AwsCredentialIdentity {
  readonly role: NonNullable<IdentityUse['role']>;
}

/**
 * Requests a token of the run and exchanges it for the keys of a role (AssumeRoleWithWebIdentity), in 10 s at most. Masks each
 * secret before it is used.
 * @throws NoCredentialsError if the runner offers no token, PolicyRefusedError if the STS refuses the role to this run, and
 * RoleError for other failures.
 */
export async function assumeRole(
  role: RoleSettings,
  settings: S3Settings,
  { clock, stsHandler, mask }: CredentialsOptions,
): Promise<RoleCredentials> {
  if (!offersIdTokens(settings.environment)) throw noTokenError(settings);
  const limit = deadline(ROLE_MS, clock);
  const { signal } = limit;
  const withRetries = <T>(attempt: () => Promise<T>): Promise<T> => {
    const waits = createRetryWaits(settings.attempts);
    // radosgw 16.2.15 makes a user for each subject, and returns 409 to jobs that assume their first role at the same time
    const waitAfter = (error: unknown) =>
      classify(error).isRetryable || isStatus(error, 409) ? waits() : undefined;
    return retry(() => raceSignal(attempt(), signal), { waitAfter, clock, signal });
  };
  try {
    const token = await withRetries(() => requestIdToken(role.audience, signal)).catch(error => {
      throw tokenFailure(error);
    });
    mask(token);
    const claims = describeClaims(token);
    // Its requests end with the signal, because an open one would keep the process running
    const attempt = (ended: AbortSignal) =>
      new CredentialsCall().run(() => exchange(token, role, settings, stsHandler), ended);
    const hedged = () => hedge(attempt, { afterMs: EXCHANGE_AGAIN_MS, clock, signal });
    const keys = await withRetries(hedged).catch(error => {
      throw stsFailure(error, role, settings, claims);
    });
    mask(keys.secretAccessKey);
    mask(keys.sessionToken);
    return { ...keys, role: { arn: role.arn, claims } };
  } finally {
    limit.clear();
  }
}

function noTokenError({ forkPullRequest }: S3Settings): NoCredentialsError {
  return forkPullRequest
    ? new SecretlessRunError('no credentials: a pull request from a fork gets no OIDC token, and so no role')
    : new NoCredentialsError(
        'no credentials: the job gets no OIDC token without the permission id-token: write',
        "the permission 'id-token: write'",
      );
}

/** Exchanges a token for the keys of a role. Throws a ProtocolError for keys of another form. */
async function exchange(
  webIdentityToken: string,
  { arn: roleArn, stsEndpoint }: RoleSettings,
  { region, environment }: S3Settings,
  stsHandler: CredentialsOptions['stsHandler'],
): Promise<AwsCredentialIdentity & { readonly sessionToken: string }> {
  const { fromWebToken } = await import('@aws-sdk/credential-provider-web-identity');
  const keys = await fromWebToken({
    webIdentityToken,
    roleArn,
    roleSessionName: sessionName(environment),
    clientConfig: {
      ...SDK_CONSTANTS,
      region,
      requestHandler: stsHandler(ROLE_MS),
      ...(stsEndpoint && { endpoint: stsEndpoint.href }),
    },
  })();
  const { accessKeyId, secretAccessKey, sessionToken = '' } = keys;
  // Keys are put into headers, and the mask of a short text would hide words of the log
  if (isKeyId(accessKeyId) && isKey(secretAccessKey) && isKey(sessionToken)) return { ...keys, sessionToken };
  throw new ProtocolError(NO_KEYS);
}

/** Returns whether a text can be a key id (AWS: at most 128 of `\w`). A slash would end it in the Authorization header. */
const isKeyId = (text: string) => /^[\w.=@+-]{1,128}$/.test(text);

const isKey = (text: string) => /^[!-~]{16,8192}$/.test(text);

/** Returns the name of the session in the store's log: 2 to 64 characters of [\w+=,.@-] that name the run. */
function sessionName({
  GITHUB_RUN_ID: run = '',
  GITHUB_RUN_ATTEMPT: attempt = '',
}: S3Settings['environment']): string {
  return ['cache-s3', ...[run, attempt].filter(part => /^\d{1,20}$/.test(part))].join('-');
}
