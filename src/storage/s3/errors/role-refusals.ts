import { redact } from '../../redact.ts';
import { PolicyRefusedError, RoleError, type StoreRefusedError } from '../../store-errors.ts';
import type { RoleSettings, S3Settings } from '../s3-settings.ts';
import { describeProxy } from '../transport/agents.ts';
import { ownEntry, type Refusal, tlsRefusal } from './refusals.ts';
import { isStatus } from './response-error.ts';
import { classify, type Failure } from './s3-errors.ts';

/** Explains why a run does not get the token or the role that it has requested. */

/** Claims of a token that trust policies can check. */
const CLAIMS = ['iss', 'aud', 'sub', 'repository_id', 'ref', 'event_name', 'environment'];

/** Longest claim that is shown, in characters. */
const MAX_CLAIM = 200;

/** Returns the claims of a token as a clause. Foreign text: escape it. */
export function describeClaims(token: string): string {
  let claims: Readonly<Record<string, unknown>>;
  try {
    claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  } catch {
    return 'no claims that can be read, so it is not a token of GitHub';
  }
  const shown = CLAIMS.flatMap(name => {
    const value = claims?.[name];
    if (typeof value !== 'string' && typeof value !== 'number') return [];
    return `${name}=${redact(String(value).slice(0, MAX_CLAIM))}`;
  });
  return shown.length > 0 ? shown.join(', ') : `none of the claims ${CLAIMS.join(', ')}`;
}

/** Converts the failure of a request for a token into an error of the store contract. */
export function tokenFailure(error: unknown): RoleError {
  if (isStatus(error, 401, 403)) {
    return new RoleError(
      `the runner's service refuses an OIDC token to this job (${error.status})`,
      "the permission 'id-token: write'",
      { cause: error },
    );
  }
  const reason = reasonOf(classify(error));
  return new RoleError(`the runner's service returned no OIDC token: ${reason}`, [], { cause: error });
}

/** Converts the failure of an exchange into an error of the store contract. `claims` is a clause with the claims of the token. */
export function stsFailure(
  error: unknown,
  { arn, input, stsEndpoint }: RoleSettings,
  settings: S3Settings,
  claims: string,
): StoreRefusedError {
  const sts = `STS ${stsEndpoint ? `at ${stsEndpoint.origin}` : `of AWS in ${settings.region}`}`;
  const failure = classify(error);
  const { status, code, statusAndCode, kind } = failure;
  const options = { cause: error };
  if (failure.isDenied) {
    return new PolicyRefusedError(
      `${sts}: this run may not assume the role ${arn} (${statusAndCode}): ${UNEXPLAINED}; the token has ${claims}`,
      { input },
      options,
    );
  }
  const ofTls = tlsRefusal(error, stsEndpoint === settings.endpoint ? undefined : 'sts-endpoint');
  const roleRefusal: Refusal | undefined =
    code === 'ValidationError' ? [{ input }, 'it does not accept the role'] : undefined;
  const refusal = roleRefusal ?? ownEntry(STS_REFUSALS, code) ?? ofTls ?? statusRefusal(status);
  if (refusal === undefined) {
    const proxy = kind === 'connection' ? describeProxy(settings.environment, stsEndpoint) : '';
    return new RoleError(`${sts}: ${reasonOf(failure)}${proxy}`, [], options);
  }
  const [setting, reason] = refusal;
  const details = statusAndCode === '' ? '' : ` (${statusAndCode})`;
  return new RoleError(`${sts}: ${reason}${details}; the token has ${claims}`, setting, options);
}

/** The possible reasons of a 403: radosgw 16.2.15 refuses all of them in the same way. */
const UNEXPLAINED =
  'its trust policy does not fit the token, there is no such role, there is no provider for iss or it does not accept aud, the token has expired by the clock of the STS, or the STS is turned off';

/** Returns our own message, or status and code. The service's message may quote the token. */
function reasonOf({ ownMessage, kind, statusAndCode }: Failure): string {
  if (ownMessage !== undefined) return ownMessage;
  // A success that the SDK cannot read, or that it finds incomplete
  return kind === 'broken-body' || statusAndCode === '' ? NO_KEYS : statusAndCode;
}

/** The reason for a response of an STS without usable keys. */
export const NO_KEYS = 'the response has no keys';

const NO_STS: Refusal = [{ input: 'sts-endpoint' }, 'it is not an STS'];

const EXPIRED_TOKEN: Refusal = ['the clock of the STS', 'the token has expired'];

const WRONG_TOKEN: Refusal = [
  { input: 'audience' },
  'it does not accept the token: the audience does not fit, or the provider of the token is not set up',
];

/** Refusals by the codes of the STS (AWS, "AssumeRoleWithWebIdentity"; MinIO, sts-errors.go). */
const STS_REFUSALS: Readonly<Record<string, Refusal>> = {
  InvalidIdentityToken: WRONG_TOKEN,
  InvalidParameterValue: WRONG_TOKEN,
  ExpiredTokenException: EXPIRED_TOKEN,
  ExpiredToken: EXPIRED_TOKEN,
  IDPCommunicationError: ['the connection of the STS to the provider of the token', 'it cannot be reached'],
  RegionDisabledException: [{ input: 'region' }, 'the STS is not active in this region'],
  InvalidAction: NO_STS,
  NotImplemented: NO_STS,
  MethodNotAllowed: NO_STS,
};

function statusRefusal(status: number | undefined): Refusal | undefined {
  if (status === 404 || status === 405 || status === 501) return NO_STS;
  if (status !== undefined && status >= 300 && status < 400) {
    return [{ input: 'sts-endpoint' }, 'it redirects to another URL, to which the token is not sent'];
  }
  return undefined;
}
