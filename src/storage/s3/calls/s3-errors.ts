import { StoreError, StoreRefusedError, StoreUnavailableError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { classify, errorCode, httpStatus } from './classify.ts';

/** An answer of this HTTP status. */
export function isStatus(error: unknown, status: number): boolean {
  return httpStatus(error) === status;
}

/**
 * No such object. A missing bucket or upload is no miss; only a HEAD cannot tell them apart (its answers carry no
 * code).
 */
export function isMissing(error: unknown): boolean {
  const code = s3Code(error);
  return isStatus(error, 404) && code !== 'NoSuchBucket' && code !== 'NoSuchUpload';
}

/** S3's code for a failure, or the system's. radosgw leaves `<Message>` empty, so the code is all there is. */
export function s3Code(error: unknown): string | undefined {
  const code = errorCode(error) ?? (error as { name?: unknown } | undefined)?.name;
  return typeof code === 'string' && !UNTELLING.has(code) ? code : undefined;
}

/** Names the SDK gives to answers without a code. */
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

/** Where the bucket is, for people. */
export function describeBucket({ bucket, endpoint, region }: S3Settings): string {
  return `bucket ${bucket} at ${endpoint ? endpoint.origin : `AWS in ${region}`}`;
}

type Refusal = readonly [setting: string, reason: string];

/** S3 code -> [what to look at, what is wrong with it]. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  SignatureDoesNotMatch: ["the input 'secretKey'", 'the secret key does not belong to the access key'],
  InvalidAccessKeyId: ["the input 'accessKey'", 'the access key is not known there'],
  UserSuspended: ["the input 'accessKey'", 'the user of the access key is suspended'],
  InvalidToken: ["the input 'sessionToken'", 'the session token is not valid'],
  ExpiredToken: ["the input 'sessionToken'", 'the session token has expired'],
  TokenRefreshRequired: ["the input 'sessionToken'", 'the session token has expired'],
  NoSuchBucket: ["the input 'bucket'", 'there is no such bucket'],
  InvalidBucketName: ["the input 'bucket'", 'the name is not a valid bucket name'],
  AccessDenied: ["the input 'bucket'", 'access is denied to these credentials'],
  AllAccessDisabled: ["the input 'bucket'", 'access is disabled'],
  NoSuchUpload: ["the bucket's lifecycle rules", 'the unfinished upload was removed by somebody else'],
  QuotaExceeded: ["the input 'bucket'", 'its quota is used up'],
  PermanentRedirect: ["the input 'region'", 'the bucket lives in another region'],
  TemporaryRedirect: ["the input 'region'", 'the bucket lives in another region'],
  AuthorizationHeaderMalformed: ["the input 'region'", 'the bucket lives in another region'],
  IllegalLocationConstraintException: ["the input 'region'", 'the bucket lives in another region'],
  RequestTimeTooSkewed: ["the runner's clock", "the runner's clock differs from the server's by too much"],
  EntityTooLarge: ["the input 'upload-chunk-size'", 'the part is too large for this server'],
};

const NO_TLS: Refusal = ["the input 'insecure'", 'it does not speak TLS; insecure: true asks by http'];

/** Causes in the certificate or the protocol: repeating cannot help. Node's code -> [what to look at, reason]. */
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

/** EPROTO holds OpenSSL's own reason: an answer without TLS, or a handshake that one side broke off. */
function tlsRefusal(code: string | undefined, error: unknown): Refusal | undefined {
  if (code !== 'EPROTO') return code === undefined ? undefined : TLS_REFUSALS[code];
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec((error as Error).message)?.[1];
  if (reason === 'wrong version number' || reason === 'packet length too long') return NO_TLS;
  return ["the input 'endpoint'", `TLS failed, ${reason ?? 'without a reason'}`];
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

/** Where the system names another host or port than the endpoint's, that is the environment's proxy. */
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
 * An SDK or network failure as the store's contract names it. The message is one clause with the bucket, the call,
 * and the code or status; never a secret (the SDK's message, which may quote the request, is not used).
 *
 * @param operation S3's name of the call.
 */
export function toStoreError(error: unknown, operation: string, settings: S3Settings): Error {
  // The store's own pass as they are
  if (error instanceof StoreError) return error;
  const bucket = describeBucket(settings);
  const code = s3Code(error);
  const status = httpStatus(error);
  const answer = [status, code].filter(part => part !== undefined).join(' ');
  const refusal = REFUSALS[code ?? ''] ?? tlsRefusal(code, error);
  if (refusal) {
    return new StoreRefusedError(`${bucket}: ${refusal[1]} (${operation}: ${answer})`, refusal[0], {
      cause: error,
    });
  }
  const kind = classify(error);
  if (kind === 'timeout' && status === undefined) {
    return new StoreUnavailableError(`${bucket}: ${(error as Error).message} (${operation})`, {
      cause: error,
    });
  }
  if (kind !== 'final' || status === undefined) {
    const reason =
      FAILURES[code ?? ''] ?? (kind === 'broken-body' ? 'the answer broke off' : 'the call failed');
    const shown = (answer || String(error)) + ofProxy(error, settings.endpoint);
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
      `${bucket}: lives elsewhere (${operation}: ${answer})`,
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
