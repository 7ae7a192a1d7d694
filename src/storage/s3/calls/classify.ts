/**
 * Which failures a repeated call can cure. Looks at the shape of an error only (`code`, `name`, HTTP status), so it
 * serves every HTTP client.
 */

/** The peer could not be reached, or the connection broke. Codes of Node's net, dns, http and stream modules. */
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

/** 5xx that says "never": not implemented, HTTP version not supported. */
const FINAL_5XX = new Set([501, 505]);

export type FailureKind =
  /** No answer in time. */
  | 'timeout'
  /** Not reached, or the connection broke before the answer was complete. */
  | 'connection'
  /** A success by its status whose body ended early or could not be read. */
  | 'broken-body'
  /** 429 and 5xx. */
  | 'busy'
  /** An answer that will be the same next time, or no failure of a call at all. */
  | 'final';

interface ErrorShape {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly cause?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The HTTP status that came with an error, if an answer came at all. */
export function httpStatus(error: unknown): number | undefined {
  return (error as ErrorShape | undefined)?.$metadata?.httpStatusCode;
}

/** The system or protocol code of an error, or of the first error of a happy-eyeballs bundle. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, Code } = error as ErrorShape;
  if (typeof code === 'string') return code;
  if (typeof Code === 'string') return Code;
  return error instanceof AggregateError ? errorCode(error.errors[0]) : undefined;
}

export function classify(error: unknown): FailureKind {
  if (typeof error !== 'object' || error === null) return 'final';
  const code = errorCode(error);
  const name = (error as ErrorShape).name;
  // 408 and S3's 400 RequestTimeout say that our bytes did not arrive in time: a time-out, although a 4xx.
  if (name === 'TimeoutError' || name === 'RequestTimeout' || code === 'RequestTimeout') return 'timeout';
  if (code !== undefined && (CONNECTION_CODES.has(code) || code.startsWith('HPE_'))) return 'connection';
  const status = httpStatus(error);
  if (status === undefined) return 'final';
  if (status === 408) return 'timeout';
  if (status === 429 || (status >= 500 && !FINAL_5XX.has(status))) return 'busy';
  // The status alone looks like success: the body after it was cut, or is not what the protocol says.
  if (status >= 200 && status < 300) return 'broken-body';
  return 'final';
}

/** 429, 5xx, connection errors, time-outs, and bodies that end early. Every other 4xx is final. */
export function isRetryable(error: unknown): boolean {
  return classify(error) !== 'final';
}
