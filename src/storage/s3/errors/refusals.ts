import { AWS_VARIABLES } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { isStatus, ResponseError } from './response-error.ts';

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
    if (code === 'InvalidArgument' && !identity.accepted) return ROLE_KEYS;
  }
  if (code === 'AccessDenied') return accessRefusal(call);
  // MinIO and AWS return this for an access key whose session has ended (minio/minio#14794, boto/boto3#2815)
  if (code === 'InvalidAccessKeyId' && identity.temporary) return UNKNOWN_SESSION;
  if (isSkewed(error)) return ["the runner's clock", clockDifference(error.dateMs)];
  // A listing names no object: the server took the name of the bucket for the name of an object
  if (operation === 'ListObjectsV2' && code === 'NoSuchKey' && namesBucket(settings)) {
    return [
      "the input 'endpoint'",
      `its host name begins with the bucket's name already; remove '${settings.bucket}.' from it`,
    ];
  }
  return ownEntry(KEY_REFUSALS, code) ?? ownEntry(REFUSALS, code) ?? tlsRefusal(code, error);
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
  return (code?.startsWith('KMS.') ?? false) || (code === 'InvalidAccessKeyId' && identity.accepted);
}

const KMS_KEY: Refusal = ["the input 'sse-kms-key-id'", 'the server cannot encrypt with this key'];

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

/** The setting to check, and the reason. */
export type Refusal = readonly [setting: string, reason: string];

const NAME_TOO_LONG: Refusal = [
  "the input 'key'",
  'the name of the object is too long for this server; use a shorter key or prefix',
];
const INVALID_TOKEN: Refusal = ["the input 'sessionToken'", 'the session token is not valid'];
const EXPIRED_TOKEN: Refusal = ["the input 'sessionToken'", 'the session token has expired'];
/** The refusal after the quota of the bucket or its owner is used up. */
export const QUOTA: Refusal = ["the input 'bucket'", 'its quota is used up'];
const OTHER_REGION: Refusal = ["the input 'region'", 'the bucket is in another region'];

/** Refusals of keys or tokens, by their S3 codes. */
const KEY_REFUSALS: Readonly<Record<string, Refusal>> = {
  SignatureDoesNotMatch: [
    "the input 'secretKey'",
    'the secret key does not belong to the access key, or a proxy changes signed headers (Host, Range, If-*)',
  ],
  InvalidAccessKeyId: ["the input 'accessKey'", 'the access key does not exist on this server'],
  UserSuspended: ["the input 'accessKey'", 'the user of the access key is suspended'],
  InvalidToken: INVALID_TOKEN,
  // MinIO
  InvalidTokenId: INVALID_TOKEN,
  ExpiredToken: EXPIRED_TOKEN,
  TokenRefreshRequired: EXPIRED_TOKEN,
};

/** Other refusals, by their S3 codes. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  NoSuchBucket: ["the input 'bucket'", 'there is no such bucket'],
  InvalidBucketName: ["the input 'bucket'", 'the name is not a valid bucket name'],
  AllAccessDisabled: ["the input 'bucket'", 'access to the bucket is disabled'],
  NoSuchUpload: ["the bucket's lifecycle rules", 'the unfinished upload was removed by another program'],
  QuotaExceeded: QUOTA,
  PermanentRedirect: OTHER_REGION,
  TemporaryRedirect: OTHER_REGION,
  AuthorizationHeaderMalformed: OTHER_REGION,
  IllegalLocationConstraintException: OTHER_REGION,
  KeyTooLong: NAME_TOO_LONG,
  KeyTooLongError: NAME_TOO_LONG,
  XMinioInvalidObjectName: NAME_TOO_LONG,
  EntityTooLarge: ["the input 'upload-chunk-size'", 'the part is too large for this server'],
};

/** The refusal of keys with a session token. */
export const DENIED_SESSION: Refusal = [
  "the input 'sessionToken'",
  'access is denied: the session has expired, or its policy does not allow this',
];

const DENIED_LATER: Refusal = [
  "the input 'sessionToken'",
  'access is denied, although earlier calls succeeded: the session has probably expired, or its policy does not allow this',
];

const UNKNOWN_SESSION: Refusal = [
  "the input 'sessionToken'",
  'the access key of the session does not exist on this server: the session has expired, or it is of another server',
];

const ROLE_KEYS: Refusal = [
  "the input 'sts-endpoint'",
  'the keys that the STS has issued are not accepted: they have expired, or the STS is of another server',
];

/** Returns whether a call was refused after its keys had expired. radosgw (16.2.15) gives no reason then. */
export function hasExpired(error: unknown, { expiresMs }: IdentityUse): boolean {
  if (expiresMs === undefined || !isStatus(error, 403)) return false;
  return expiresMs <= (error.dateMs ?? Date.now());
}

const EXPIRED_ROLE: Refusal = [
  "the runner's clock",
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
  readonly temporary?: boolean;
  /** Whether a call has succeeded with them. */
  readonly accepted: boolean;
}

/** A source of credentials outside the inputs, as messages name it. */
export type CredentialsSource =
  | 'environment'
  | 'shared file'
  | 'web identity'
  | 'container'
  | 'instance metadata';

/** Returns the phrase of a setting with the place to correct it: of keys their source, of an input the variable that sets it. */
export function nameSource(setting: string, settings: S3Settings, { source }: IdentityUse): string {
  const keys = /^the inputs? '(?:accessKey|secretKey|sessionToken)'(?: and 'secretKey')?/.exec(setting)?.[0];
  if (source === undefined || keys === undefined) {
    return nameInputs(setting, settings);
  }
  if (source === 'environment') {
    return setting.replace(/the inputs? |'(\w+)'/g, (_, input) => AWS_VARIABLES[input] ?? '');
  }
  const profile =
    source === 'shared file' ? ` (profile '${settings.environment.AWS_PROFILE || 'default'}')` : '';
  return setting.replace(keys, `the credentials of the ${source}${profile}`);
}

/** Returns the phrase of a setting with the variables that set its inputs. */
export function nameInputs(setting: string, { nameInput }: S3Settings): string {
  return setting.replace(/'([\w-]+)'/g, (quoted, input) => nameInput?.(input) ?? quoted);
}

/** Explains AccessDenied. radosgw (16.2.15) also returns it, without a reason, after the end of a session. */
function accessRefusal({ operation, settings, identity: { temporary, accepted } }: FailedCall): Refusal {
  if (temporary) return accepted ? DENIED_LATER : DENIED_SESSION;
  if (!accepted) return ["the input 'bucket'", 'access is denied to these credentials'];
  const orEncryption =
    CREATING.has(operation) && !settings.encryption ? " or requires the input 'server-side-encryption'" : '';
  return [
    "the bucket's policy",
    `access is denied to these credentials, although earlier calls succeeded: the policy does not allow this${orEncryption}, or they have expired`,
  ];
}

const NO_TLS: Refusal = ["the input 'insecure'", 'the server does not use TLS; set insecure: true for http'];

const UNKNOWN_AUTHORITY: Refusal = [
  "the input 'ca-file'",
  'its certificate is signed by an unknown authority',
];

/** Refusals for failures of TLS where a retry cannot help, by Node's codes. */
const TLS_REFUSALS: Readonly<Record<string, Refusal>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ["the input 'ca-file'", 'its certificate is self-signed'],
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: ["the input 'endpoint'", 'its certificate has expired'],
  ERR_TLS_CERT_ALTNAME_INVALID: ["the input 'endpoint'", 'its certificate is for another host name'],
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};

/**
 * Explains a failure of TLS. Its code EPROTO has OpenSSL's own reason: a response without TLS, or a handshake that one side broke
 * off. Returns undefined for another failure.
 */
export function tlsRefusal(code: string | undefined, error: unknown): Refusal | undefined {
  if (code !== 'EPROTO') return ownEntry(TLS_REFUSALS, code);
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec((error as Error).message)?.[1];
  if (reason === 'wrong version number' || reason === 'packet length too long') return NO_TLS;
  return ["the input 'endpoint'", `TLS failed, ${reason ?? 'without a reason'}`];
}

/** Returns the table's own entry for a code, which may be any word (`constructor`). Returns undefined if there is none. */
export function ownEntry<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}
