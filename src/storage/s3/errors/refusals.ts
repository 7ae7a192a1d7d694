import { AWS_VARIABLES, RUNNER_CLOCK, type Setting } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { errorCode, isStatus, ResponseError } from './response-error.ts';

/** Refusals that a code of S3 or of the network explains. */

/** A call that failed. */
interface FailedCall {
  /** S3's name of the call. */
  readonly operation: string;
  readonly code: string | undefined;
  readonly settings: S3Settings;
  readonly identity: IdentityUse;
}

/** Explains a failed call by its code. Returns undefined if the code explains nothing. */
export function refusalOf(error: unknown, call: FailedCall): Refusal | undefined {
  const { operation, code, settings, identity } = call;
  if (refusesKmsKey(call)) return KMS_KEY;
  if (identity.role) {
    if (hasExpired(error, identity)) return EXPIRED_ROLE;
    if (ownEntry(KEY_REFUSALS, code)) return ROLE_KEYS;
    // radosgw 16.2.15 cannot decrypt the session token of another cluster
    if (code === 'InvalidArgument' && !identity.haveWorked) return ROLE_KEYS;
    if (code === undefined && isStatus(error, 401)) return ROLE_KEYS;
  }
  if (code === 'AccessDenied') return accessRefusal(call);
  // MinIO and AWS return this for an access key whose session has ended (minio/minio#14794, boto/boto3#2815)
  if (code === 'InvalidAccessKeyId' && identity.isTemporary) return UNKNOWN_SESSION;
  if (isSkewed(error)) return [RUNNER_CLOCK, clockDifference(error.dateMs)];
  // A listing names no object: the server took the name of the bucket for the name of an object
  if (operation === 'ListObjectsV2' && code === 'NoSuchKey' && namesBucket(settings)) {
    return [
      { input: 'endpoint' },
      `its host name begins with the bucket's name already; remove '${settings.bucket}.' from it`,
    ];
  }
  return (
    ownEntry(KEY_REFUSALS, code) ??
    ownEntry(REFUSALS, code) ??
    regionRefusal(error, settings) ??
    tlsRefusal(error)
  );
}

/** Returns whether the endpoint's host name begins with the bucket's name: it is the bucket's address, or a server of that name. */
export function namesBucket({ endpoint, bucket, forcePathStyle }: S3Settings): boolean {
  return forcePathStyle && (endpoint?.hostname.startsWith(`${bucket.toLowerCase()}.`) ?? false);
}

/** Calls that create an object, and can name the key that encrypts it. */
const CREATING: ReadonlySet<string> = new Set(['PutObject', 'CreateMultipartUpload']);

/**
 * Returns whether the server cannot encrypt with the key of the settings. AWS has codes for this. radosgw (16.2.15) returns
 * InvalidAccessKeyId, although it has accepted the access key before.
 */
function refusesKmsKey({ operation, code, settings, identity }: FailedCall): boolean {
  if (settings.encryption?.algorithm !== 'aws:kms' || !CREATING.has(operation)) return false;
  return (code?.startsWith('KMS.') ?? false) || (code === 'InvalidAccessKeyId' && identity.haveWorked);
}

const KMS_KEY: Refusal = [{ input: 'sse-kms-key-id' }, 'the server cannot encrypt with this key'];

/** Returns whether the server has refused a request because of the runner's clock. The error status shows that it did no work. */
export function isSkewed(error: unknown): error is ResponseError {
  return error instanceof ResponseError && error.status >= 400 && error.code === 'RequestTimeTooSkewed';
}

/** Returns by how much the runner's clock differs from the server's, which is at `serverMs` (ms since 1970), as a clause. */
export function clockDifference(serverMs: number | undefined): string {
  if (serverMs === undefined) return "the runner's clock differs from the server's by too much";
  const seconds = Math.round((Date.now() - serverMs) / 1000);
  const direction = seconds < 0 ? 'behind' : 'ahead of';
  return `the runner's clock is ${Math.abs(seconds)} s ${direction} the server's`;
}

/** The settings to check, and the reason. */
export type Refusal = readonly [settings: Setting | readonly Setting[], reason: string];

const NAME_TOO_LONG: Refusal = [
  { input: 'key' },
  'the name of the object is too long for this server; use a shorter key or prefix',
];
const INVALID_TOKEN: Refusal = [{ input: 'sessionToken' }, 'the session token is not valid'];
const EXPIRED_TOKEN: Refusal = [{ input: 'sessionToken' }, 'the session token has expired'];
/** The refusal after the quota of the bucket or its owner is used up. */
export const QUOTA: Refusal = [{ input: 'bucket' }, 'its quota is used up'];

/** Refusals of keys or tokens, by their S3 codes. */
const KEY_REFUSALS: Readonly<Record<string, Refusal>> = {
  SignatureDoesNotMatch: [
    { input: 'secretKey' },
    'the secret key does not belong to the access key, or a proxy changes signed headers (Host, Range, If-*)',
  ],
  InvalidAccessKeyId: [{ input: 'accessKey' }, 'the access key does not exist on this server'],
  UserSuspended: [{ input: 'accessKey' }, 'the user of the access key is suspended'],
  InvalidToken: INVALID_TOKEN,
  // MinIO
  InvalidTokenId: INVALID_TOKEN,
  ExpiredToken: EXPIRED_TOKEN,
  TokenRefreshRequired: EXPIRED_TOKEN,
};

/** Other refusals, by their S3 codes. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  NoSuchBucket: [{ input: 'bucket' }, 'there is no such bucket'],
  InvalidBucketName: [{ input: 'bucket' }, 'the name is not a valid bucket name'],
  AllAccessDisabled: [{ input: 'bucket' }, 'access to the bucket is disabled'],
  NoSuchUpload: ["the bucket's lifecycle rules", 'the unfinished upload was removed by another program'],
  QuotaExceeded: QUOTA,
  KeyTooLong: NAME_TOO_LONG,
  KeyTooLongError: NAME_TOO_LONG,
  XMinioInvalidObjectName: NAME_TOO_LONG,
  EntityTooLarge: [{ input: 'upload-chunk-size' }, 'the part is too large for this server'],
};

/** The refusal of keys with a session token. */
export const DENIED_SESSION: Refusal = [
  { input: 'sessionToken' },
  'access is denied: the session has expired, or its policy does not allow this',
];

const DENIED_LATER: Refusal = [
  { input: 'sessionToken' },
  'access is denied, although earlier calls succeeded: the session has probably expired, or its policy does not allow this',
];

const UNKNOWN_SESSION: Refusal = [
  { input: 'sessionToken' },
  'the access key of the session does not exist on this server: the session has expired, or it is of another server',
];

const ROLE_KEYS: Refusal = [
  { input: 'sts-endpoint' },
  'the keys that the STS has issued are not accepted: they have expired, or the STS is of another server',
];

/** Codes of refusals because of the region. */
const REGION_CODES: ReadonlySet<string> = new Set([
  'PermanentRedirect',
  'TemporaryRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/**
 * Explains that the bucket is in another region, which AWS names in a header, and MinIO and Garage in the body. AWS refuses a HEAD
 * without a code. Returns undefined for other refusals.
 */
function regionRefusal(error: unknown, settings: S3Settings): Refusal | undefined {
  if (!(error instanceof ResponseError)) return undefined;
  const { code, headers, text } = error;
  const named = headers['x-amz-bucket-region'] ?? /<Region>([^<]*)<\/Region>/.exec(text)?.[1] ?? '';
  const isNamed = /^[a-z0-9-]{1,40}$/.test(named) && named !== settings.region;
  const isOfRegion = code === undefined ? isNamed && isStatus(error, 301, 307, 400) : REGION_CODES.has(code);
  if (!isOfRegion) return undefined;
  if (isNamed) return [{ input: 'region' }, `the bucket is in region ${named}`];
  // A region of radosgw has an endpoint of its own
  const toCheck = settings.forcePathStyle
    ? [{ input: 'endpoint' }, { input: 'region' }]
    : { input: 'region' };
  return [toCheck, 'the bucket is in another region'];
}

/** Returns whether a call was refused after its keys had expired. radosgw (16.2.15) gives no reason then. */
export function hasExpired(error: unknown, { expiresMs }: IdentityUse): boolean {
  if (expiresMs === undefined || !isStatus(error, 403)) return false;
  return expiresMs <= (error.dateMs ?? Date.now());
}

const EXPIRED_ROLE: Refusal = [
  RUNNER_CLOCK,
  "the keys of the role have expired by the server's clock, and were not renewed in time",
];

/** The credentials of the calls, and their use so far in this process. */
export interface IdentityUse {
  /** The role that the run has assumed, and the claims of its token as a clause of foreign text. Undefined without a role. */
  readonly role?: { readonly arn: string; readonly claims: string } | undefined;
  /** The source of the credentials. Undefined for the keys or the role of the inputs, and without credentials. */
  readonly source?: CredentialsSource | undefined;
  /** Time in ms since 1970 at which the credentials expire. Undefined if they do not expire, or if it is not known. */
  readonly expiresMs?: number | undefined;
  /** Whether they have a session token, and so expire. */
  readonly isTemporary?: boolean;
  /** Whether a call has succeeded with them. */
  readonly haveWorked: boolean;
}

/** A source of credentials outside the inputs, as messages name it. */
export type CredentialsSource =
  | 'environment'
  | 'shared file'
  | 'web identity'
  | 'container'
  | 'instance metadata';

/** Adds to each setting that is a key the place that the key is from, unless that is the input. */
export function withKeySource(
  setting: Refusal[0],
  settings: S3Settings,
  { source }: IdentityUse,
): readonly Setting[] {
  const place = source && describeSource(source, settings);
  return [setting].flat().map(one => {
    if (place === undefined || typeof one === 'string') return one;
    const variable = ownEntry(AWS_VARIABLES, one.input);
    return variable === undefined ? one : { ...one, place: source === 'environment' ? variable : place };
  });
}

/** Returns a source of keys as a phrase, with the setting that selects it. */
export function describeSource(source: CredentialsSource, { environment }: S3Settings): string {
  const selected = {
    'shared file': ` (profile '${environment.AWS_PROFILE || 'default'}')`,
    'web identity': ' (AWS_ROLE_ARN)',
  };
  return `the credentials of the ${source}${ownEntry<string>(selected, source) ?? ''}`;
}

/** Explains AccessDenied. radosgw (16.2.15) also returns it, without a reason, after the end of a session. */
function accessRefusal({ operation, settings, identity }: FailedCall): Refusal {
  const { isTemporary, haveWorked, source } = identity;
  if (isTemporary) return haveWorked ? DENIED_LATER : DENIED_SESSION;
  if (!haveWorked) {
    // Credentials that no input sets may be other ones than the user expects
    const keys = source === undefined ? [] : [{ input: 'accessKey' }];
    return [[{ input: 'bucket' }, ...keys], 'access is denied to these credentials'];
  }
  const mayNeedEncryption = CREATING.has(operation) && !settings.encryption;
  return [
    ["the bucket's policy", ...(mayNeedEncryption ? [{ input: 'server-side-encryption' }] : [])],
    `access is denied to these credentials, although earlier calls succeeded: the policy does not allow this${mayNeedEncryption ? ' or requires encryption' : ''}, or they have expired`,
  ];
}

/** The input to check after a failure of TLS, and the reason: `insecure` if the scheme is wrong, `endpoint` if the server is. */
type TlsRefusal = readonly [input: 'ca-file' | 'endpoint' | 'insecure', reason: string];

const NO_TLS: TlsRefusal = ['insecure', 'the server does not use TLS, and the request was https'];

const UNKNOWN_AUTHORITY: TlsRefusal = ['ca-file', 'its certificate is signed by an unknown authority'];

/** Refusals for failures of TLS where a retry cannot help, by Node's codes. */
const TLS_REFUSALS: Readonly<Record<string, TlsRefusal>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ['ca-file', 'its certificate is self-signed'],
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: ['endpoint', 'its certificate has expired'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['endpoint', 'its certificate is for another host name'],
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};

/**
 * Explains a failure of TLS. Its code EPROTO has OpenSSL's own reason: a response without TLS, or a handshake that one side broke
 * off. Returns undefined for another failure.
 * @param urlInput the input that sets the URL. Undefined if it is the endpoint.
 */
export function tlsRefusal(error: unknown, urlInput?: 'sts-endpoint'): Refusal | undefined {
  const code = errorCode(error);
  const refusal = code === 'EPROTO' ? handshakeRefusal(error as Error) : ownEntry(TLS_REFUSALS, code);
  if (refusal === undefined) return undefined;
  const [input, reason] = refusal;
  return [{ input: input === 'ca-file' ? input : (urlInput ?? input) }, reason];
}

function handshakeRefusal({ message }: Error): TlsRefusal {
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1];
  if (reason === 'wrong version number' || reason === 'packet length too long') return NO_TLS;
  return ['endpoint', `TLS failed, ${reason ?? 'without a reason'}`];
}

/** Returns the table's own entry for a code, which may be any word (`constructor`). Returns undefined if there is none. */
export function ownEntry<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}
