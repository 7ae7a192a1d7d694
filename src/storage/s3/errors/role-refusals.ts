import { redact } from '../../redact.ts';
import { PolicyRefusedError, RoleError, type StoreRefusedError } from '../../store-errors.ts';
import type { RoleSettings, S3Settings } from '../s3-settings.ts';
import { throughProxy } from '../transport/agents.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { ownEntry, type Refusal, tlsRefusal } from './refusals.ts';
import { isStatus } from './response-error.ts';
import { classify } from './s3-errors.ts';

/** Explains why a run does not get the token or the role that it requests. */

/** The exchange that failed. */
interface Exchange {
  readonly role: Pick<RoleSettings, 'arn' | 'input' | 'stsEndpoint'>;
  readonly settings: Pick<S3Settings, 'region' | 'environment'>;
  readonly claims: string;
}

/** Claims of a token on which trust policies decide. */
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

/** Converts the failure of the request for a token. */
export function tokenFailure(error: unknown): RoleError {
  if (isStatus(error, 401, 403)) {
    return new RoleError(
      `the runner's service refuses an OIDC token to this job (${error.status})`,
      "the permission 'id-token: write'",
      { cause: error },
    );
  }
  return new RoleError(`the runner's service returned no OIDC token: ${reasonOf(error)}`, undefined, {
    cause: error,
  });
}

/** Converts the failure of an exchange. */
export function stsFailure(error: unknown, { role, settings, claims }: Exchange): StoreRefusedError {
  const { stsEndpoint } = role;
  const sts = `STS ${stsEndpoint ? `at ${stsEndpoint.origin}` : `of AWS in ${settings.region}`}`;
  const { status, code, statusAndCode, kind } = classify(error);
  const cause = { cause: error };
  if (status === 403 && (code === undefined || code === 'AccessDenied')) {
    return new PolicyRefusedError(
      `${sts}: this run may not take the role ${role.arn} (${statusAndCode}): ${UNEXPLAINED}; the token has ${claims}`,
      `the input '${role.input}'`,
      cause,
    );
  }
  const refusal =
    roleRefusal(code, role.input) ??
    ownEntry(STS_REFUSALS, code) ??
    tlsRefusal(code, error) ??
    statusRefusal(status);
  if (refusal === undefined) {
    const proxy = kind === 'connection' ? throughProxy(settings.environment, stsEndpoint) : '';
    return new RoleError(`${sts}: ${reasonOf(error)}${proxy}`, undefined, cause);
  }
  const [setting, reason] = refusal;
  const shown = statusAndCode === '' ? '' : ` (${statusAndCode})`;
  return new RoleError(`${sts}: ${reason}${shown}; the token has ${claims}`, setting, cause);
}

/** radosgw 16.2.15 refuses each of these in the same way. */
const UNEXPLAINED =
  'its trust policy does not fit the token, there is no such role, there is no provider for iss or it does not accept aud, the token has expired by the clock of the STS, or the STS is turned off';

/** Returns status or code, or the reason of a limit. Never a service's own text, which may quote the token. */
function reasonOf(error: unknown): string {
  const { name, message } = error as Error;
  if (error instanceof ProtocolError || name === 'TimeoutError') return message;
  // A response of the wrong form is an error of the SDK
  const { kind, statusAndCode } = classify(error);
  return kind === 'broken-body' ? NO_KEYS : statusAndCode || NO_KEYS;
}

const NO_KEYS = 'the response has no keys';

const NO_STS: Refusal = ["the input 'sts-endpoint'", 'it is not an STS'];

const WRONG_TOKEN: Refusal = [
  "the input 'audience'",
  'it does not accept the token: the audience does not fit, or the provider of the token is not set up',
];

/** Code of the STS (AWS, "AssumeRoleWithWebIdentity"; MinIO, sts-errors.go) -> [the setting to check, the reason]. */
const STS_REFUSALS: Readonly<Record<string, Refusal>> = {
  InvalidIdentityToken: WRONG_TOKEN,
  InvalidParameterValue: WRONG_TOKEN,
  ExpiredTokenException: ['the clock of the STS', 'the token has expired'],
  ExpiredToken: ['the clock of the STS', 'the token has expired'],
  IDPCommunicationError: ['the connection of the STS to the provider of the token', 'it cannot be reached'],
  RegionDisabledException: ["the input 'region'", 'the STS is not active in this region'],
  InvalidAction: NO_STS,
  NotImplemented: NO_STS,
  MethodNotAllowed: NO_STS,
};

/** @param input the input that names the role: a save may have one of its own. */
function roleRefusal(code: string | undefined, input: RoleSettings['input']): Refusal | undefined {
  return code === 'ValidationError' ? [`the input '${input}'`, 'it does not accept the role'] : undefined;
}

function statusRefusal(status: number | undefined): Refusal | undefined {
  if (status === 404 || status === 405 || status === 501) return NO_STS;
  if (status !== undefined && status >= 300 && status < 400) {
    return ["the input 'sts-endpoint'", 'it redirects to another URL, to which the token is not sent'];
  }
  return undefined;
}
