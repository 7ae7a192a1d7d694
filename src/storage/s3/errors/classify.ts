import { redact } from '../../redact.ts';
import { NoResponseError } from '../transport/timers.ts';

/**
 * Classifies the failures of calls by the shape of their errors: `code`, `name`, and the HTTP status of the SDK. What it
 * returns for the log has no secret in it.
 */

/** Codes of Node's net, dns, http and stream modules for a peer that cannot be reached or a connection that broke. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_PROXY_TUNNEL',
]);

const TIMEOUT_NAMES: ReadonlySet<unknown> = new Set(['TimeoutError', 'NoResponseError', 'RequestTimeout']);

/** 5xx that stay the same when repeated: not implemented, HTTP version not supported. */
const FINAL_5XX = new Set([501, 505]);

export type FailureKind =
  /** No response in time. */
  | 'timeout'
  /** Not reached, or the connection broke before the response was complete. */
  | 'connection'
  /** A success by its status whose body ended early or could not be read. */
  | 'broken-body'
  /** 429 and 5xx. */
  | 'busy'
  /** A response that will be the same next time, or an error of another kind. */
  | 'final';

interface ErrorShape {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Returns the HTTP status of a failed call. Returns undefined if there was no response. */
export function httpStatus(error: unknown): number | undefined {
  return (error as ErrorShape | undefined)?.$metadata?.httpStatusCode;
}

/** Returns the status with which a proxy refused CONNECT. Returns undefined for any other failure. */
export function tunnelStatus(error: unknown): number | undefined {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  return code === 'ERR_PROXY_TUNNEL' && typeof statusCode === 'number' ? statusCode : undefined;
}

/** The form of S3's and Node's codes. A server can return any text as its code; other forms are no codes and not printed. */
const CODE_FORM = /^[A-Za-z0-9_.-]{1,64}$/;

/** Returns `value` if it has the form of a code and not that of a secret. */
export function codeLike(value: unknown): string | undefined {
  return typeof value === 'string' && CODE_FORM.test(value) && redact(value) === value ? value : undefined;
}

/** Returns the system or protocol code of an error, or of the first error of an AggregateError (happy eyeballs). */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, Code } = error as ErrorShape;
  const own = codeLike(code) ?? codeLike(Code);
  return own ?? (error instanceof AggregateError ? errorCode(error.errors[0]) : undefined);
}

/** Classifies a failure. */
export function classify(error: unknown): FailureKind {
  if (typeof error !== 'object' || error === null) return 'final';
  const code = errorCode(error);
  const name = (error as ErrorShape).name;
  // The proxy requires a user name and password
  if (tunnelStatus(error) === 407) return 'final';
  // 408 and S3's 400 RequestTimeout mean that our bytes did not arrive in time: time-outs, although 4xx
  if (TIMEOUT_NAMES.has(name) || code === 'RequestTimeout') return 'timeout';
  if (code !== undefined && (CONNECTION_CODES.has(code) || code.startsWith('HPE_'))) return 'connection';
  const status = httpStatus(error);
  if (status === undefined) return 'final';
  if (status === 408) return 'timeout';
  if (status === 429 || (status >= 500 && !FINAL_5XX.has(status))) return 'busy';
  // A success by its status: the body was cut, or does not follow the protocol
  if (status >= 200 && status < 300) return 'broken-body';
  return 'final';
}

/** Returns whether a retry can help: 429, 5xx, connection errors, timeouts, and bodies that end early. Other 4xx are final. */
export function isRetryable(error: unknown): boolean {
  return classify(error) !== 'final';
}

/** Returns whether a failure is a response of this HTTP status. */
export function isStatus(error: unknown, status: number): boolean {
  return httpStatus(error) === status;
}

/**
 * Returns whether there is no such object. A missing bucket or upload is another failure, except after a HEAD, whose
 * responses have no code.
 */
export function isMissing(error: unknown): boolean {
  const code = s3Code(error);
  return isStatus(error, 404) && code !== 'NoSuchBucket' && code !== 'NoSuchUpload';
}

/**
 * radosgw and AWS return 503 SlowDown. A 503 without an S3 code comes from a proxy whose server is down. Bodies that a reverse proxy
 * took and has not passed on in time share a slow link: fewer at once arrive sooner.
 */
export function isTooMany(error: unknown): boolean {
  if (error instanceof NoResponseError) return true;
  return isStatus(error, 429) || (isStatus(error, 503) && s3Code(error) !== undefined);
}

/** Returns S3's code for a failure, or the system's. radosgw sends an empty `<Message>`, so there is only the code. */
export function s3Code(error: unknown): string | undefined {
  const code = errorCode(error) ?? codeLike((error as { name?: unknown } | undefined)?.name);
  return code === undefined || GENERIC_NAMES.has(code) ? undefined : code;
}

/** Names that the SDK gives to responses without a code, or has for bodies that it cannot parse. */
const GENERIC_NAMES = new Set([
  'Error',
  'Unknown',
  'UnknownError',
  '403',
  '400',
  '301',
  'Forbidden',
  'BadRequest',
  'SyntaxError',
  'TypeError',
]);

/** Returns status and code of a failure, as far as there are any: `403 AccessDenied`. */
export function statusAndCode(error: unknown): string {
  return [httpStatus(error), s3Code(error)].filter(part => part !== undefined).join(' ');
}

/** Returns status and code of a failure, or a message of at most 200 characters for one that is neither S3's nor the network's. */
export function summaryOf(error: unknown): string {
  const { name, message } = error as Error;
  return statusAndCode(error) || redact(`${codeLike(name) ?? 'Error'}: ${message}`.slice(0, 200));
}
