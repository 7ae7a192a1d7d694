import { StoreError, StoreRefusedError, StoreUnavailableError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { classify, codeLike, errorCode, httpStatus } from './classify.ts';
import { redact } from './redact.ts';

/** Whether a failure is a response of this HTTP status. */
export function isStatus(error: unknown, status: number): boolean {
  return httpStatus(error) === status;
}

/**
 * Whether there is no such object. A missing bucket or upload is another failure, except after a HEAD: its responses have
 * no code.
 */
export function isMissing(error: unknown): boolean {
  const code = s3Code(error);
  return isStatus(error, 404) && code !== 'NoSuchBucket' && code !== 'NoSuchUpload';
}

/** Returns S3's code for a failure, or the system's. radosgw leaves `<Message>` empty, so the code is all there is. */
export function s3Code(error: unknown): string | undefined {
  const code = errorCode(error) ?? codeLike((error as { name?: unknown } | undefined)?.name);
  return code === undefined || UNTELLING.has(code) ? undefined : code;
}

/** Returns a message in at most 200 characters and without secrets, for errors that are neither S3's nor the network's. */
export function shortMessage(error: unknown): string {
  const { name, message } = error as Error;
  return redact(`${codeLike(name) ?? 'Error'}: ${message}`.slice(0, 200));
}

/** Names that the SDK gives to responses without a code. */
const UNTELLING = new Set([
  'Error',
  'Unknown',
  'UnknownError',
  '403',
  '400',
  '301',
  'Forbidden',
  'BadRequest',
]);

/** Names the bucket and its endpoint, for people. */
export function describeBucket({ bucket, endpoint, region }: S3Settings): string {
  return `bucket ${bucket} at ${endpoint ? endpoint.origin : `AWS in ${region}`}`;
}

type Refusal = readonly [setting: string, reason: string];

/** S3 code -> [the setting to check, what is wrong with it]. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  SignatureDoesNotMatch: ["the input 'secretKey'", 'the secret key does not belong to the access key'],
  InvalidAccessKeyId: ["the input 'accessKey'", 'the access key does not exist there'],
  UserSuspended: ["the input 'accessKey'", 'the user of the access key is suspended'],
  InvalidToken: ["the input 'sessionToken'", 'the session token is not valid'],
  ExpiredToken: ["the input 'sessionToken'", 'the session token has expired'],
  TokenRefreshRequired: ["the input 'sessionToken'", 'the session token has expired'],
  NoSuchBucket: ["the input 'bucket'", 'there is no such bucket'],
  InvalidBucketName: ["the input 'bucket'", 'the name is not a valid bucket name'],
  AllAccessDisabled: ["the input 'bucket'", 'access is disabled'],
  NoSuchUpload: ["the bucket's lifecycle rules", 'the unfinished upload was removed by another program'],
  QuotaExceeded: ["the input 'bucket'", 'its quota is used up'],
  PermanentRedirect: ["the input 'region'", 'the bucket is in another region'],
  TemporaryRedirect: ["the input 'region'", 'the bucket is in another region'],
  AuthorizationHeaderMalformed: ["the input 'region'", 'the bucket is in another region'],
  IllegalLocationConstraintException: ["the input 'region'", 'the bucket is in another region'],
  RequestTimeTooSkewed: ["the runner's clock", "the runner's clock differs from the server's by too much"],
  EntityTooLarge: ["the input 'upload-chunk-size'", 'the part is too large for this server'],
};

/** The use of the credentials so far in this process. */
export interface IdentityUse {
  /** They have a session token, so they expire. */
  readonly temporary: boolean;
  /** A call succeeded with them. */
  readonly accepted: boolean;
}

/** The end of a session is an AccessDenied without a reason on radosgw (16.2.15), like a call that a policy denies. */
function accessDenied({ temporary, accepted }: IdentityUse): Refusal {
  if (temporary && accepted) {
    return [
      "the input 'sessionToken'",
      'access is denied: the session has probably expired, as earlier calls succeeded',
    ];
  }
  if (temporary) {
    return [
      "the input 'sessionToken'",
      'access is denied: the session has expired, or its policy does not allow this',
    ];
  }
  if (accepted) {
    return [
      "the bucket's policy",
      'access is denied to these credentials, although earlier calls succeeded: the policy does not allow this, or they have expired',
    ];
  }
  return ["the input 'bucket'", 'access is denied to these credentials'];
}

const NO_TLS: Refusal = ["the input 'insecure'", 'it does not speak TLS; insecure: true uses http'];

/** Causes in the certificate or the protocol: repeating cannot help. Node's code -> [the setting to check, reason]. */
const TLS_REFUSALS: Readonly<Record<string, Refusal>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ["the input 'ca-file'", 'its certificate is signed by itself'],
  SELF_SIGNED_CERT_IN_CHAIN: ["the input 'ca-file'", 'its certificate is signed by an unknown authority'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    "the input 'ca-file'",
    'its certificate is signed by an unknown authority',
  ],
  UNABLE_TO_GET_ISSUER_CERT: ["the input 'ca-file'", 'its certificate is signed by an unknown authority'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    "the input 'ca-file'",
    'its certificate is signed by an unknown authority',
  ],
  CERT_HAS_EXPIRED: ["the input 'endpoint'", 'its certificate has expired'],
  ERR_TLS_CERT_ALTNAME_INVALID: ["the input 'endpoint'", 'its certificate is for another host name'],
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};

/** EPROTO holds OpenSSL's own reason: a response without TLS, or a handshake that one side broke off. */
function tlsRefusal(code: string | undefined, error: unknown): Refusal | undefined {
  if (code !== 'EPROTO') return ownEntry(TLS_REFUSALS, code);
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec((error as Error).message)?.[1];
  if (reason === 'wrong version number' || reason === 'packet length too long') return NO_TLS;
  return ["the input 'endpoint'", `TLS failed, ${reason ?? 'without a reason'}`];
}

/** Looks up a code, which may be any word: `constructor` is a property of every object. */
function ownEntry<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}

const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name not resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ERR_PROXY_TUNNEL: 'the proxy does not connect',
};

/** Names the environment's proxy, where the error is of another host or port than the endpoint's. */
function ofProxy(error: unknown, endpoint: URL | undefined): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { address, port, hostname } = (first ?? {}) as { address?: string; port?: number; hostname?: string };
  if (endpoint === undefined) return '';
  if (port !== undefined && port !== portOf(endpoint)) return `; the proxy at ${address}, port ${port}`;
  return hostname !== undefined && hostname !== endpoint.hostname ? `; the proxy at ${hostname}` : '';
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/**
 * Converts a failure of the SDK or the network into an error of the store contract. Its message is one clause with the
 * bucket, the call, and the code or status; never a secret (the SDK's message, which may quote the request, is not used).
 *
 * @param operation S3's name of the call.
 */
export function toStoreError(
  error: unknown,
  operation: string,
  settings: S3Settings,
  identity: IdentityUse,
): Error {
  // Already converted
  if (error instanceof StoreError) return error;
  const bucket = describeBucket(settings);
  const code = s3Code(error);
  const status = httpStatus(error);
  const answer = [status, code].filter(part => part !== undefined).join(' ');
  const refusal =
    (code === 'AccessDenied' ? accessDenied(identity) : ownEntry(REFUSALS, code)) ?? tlsRefusal(code, error);
  if (refusal) {
    return new StoreRefusedError(`${bucket}: ${refusal[1]} (${operation}: ${answer})`, refusal[0], {
      cause: error,
    });
  }
  const kind = classify(error);
  if (error instanceof ProtocolError || (kind === 'timeout' && status === undefined)) {
    return new StoreUnavailableError(`${bucket}: ${(error as Error).message} (${operation})`, {
      cause: error,
    });
  }
  if (kind !== 'final' || status === undefined) {
    const reason =
      ownEntry(FAILURES, code) ?? (kind === 'broken-body' ? 'the response broke off' : 'the call failed');
    const shown = (answer || shortMessage(error)) + ofProxy(error, settings.endpoint);
    return new StoreUnavailableError(`${bucket}: ${reason} (${operation}: ${shown})`, { cause: error });
  }
  if (status === 401 || status === 403) {
    return new StoreRefusedError(
      `${bucket}: refused (${operation}: ${answer}); look at accessKey, secretKey and the bucket's policy`,
      "the input 'accessKey'",
      { cause: error },
    );
  }
  if (status >= 300 && status < 400) {
    return new StoreRefusedError(
      `${bucket}: is somewhere else (${operation}: ${answer})`,
      "the input 'region'",
      {
        cause: error,
      },
    );
  }
  return new StoreRefusedError(
    `${bucket}: the endpoint refused the call (${operation}: ${answer})`,
    "the input 'endpoint'",
    { cause: error },
  );
}
