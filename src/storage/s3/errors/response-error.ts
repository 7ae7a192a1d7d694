import { redact } from '../../redact.ts';
import { knownTime } from '../known-time.ts';
import type { TransportResponse } from '../transport/transport.ts';

/**
 * A response that is not a success, or a success with an error in its body. `message`, `code` and `quotedMessage` are for the
 * log and have no secret in them. `text` is the body, which may quote the request.
 */
export class ResponseError extends Error {
  override name = 'ResponseError';
  readonly status: number;
  /** Headers with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, of at most 64 KiB. */
  readonly text: string;
  /** S3's code. Undefined if there is none, or if it only repeats the status. From radosgw there is no message beside it. */
  readonly code: string | undefined;

  constructor({ status, headers }: Pick<TransportResponse, 'status' | 'headers'>, text = '') {
    super(`the response is ${status}`);
    this.status = status;
    this.headers = headers;
    this.text = text;
    const code = codeLike(CODE.exec(text)?.[1]?.trim());
    this.code = code === undefined || GENERIC_CODES.has(code) ? undefined : code;
  }

  /** The server's clock in ms since 1970. Undefined if the response has no `Date` that `knownTime` accepts. */
  get dateMs(): number | undefined {
    return knownTime(this.headers.date);
  }

  /** The server's message in quotes, after a colon, or '' if there is none. Foreign text: escape it. */
  get quotedMessage(): string {
    const [, message = ''] = /<Message>([^<]{1,2000})<\/Message>/.exec(this.text) ?? [];
    const text = redact(message.replace(/[\p{Cc}\s]+/gu, ' ').trim());
    if (text === '') return '';
    return `: ${JSON.stringify(text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}...` : text)}`;
  }
}

/** The element with the code, also in CDATA. */
const CODE = /<Code>(?:\s*<!\[CDATA\[)?([^<\]]*)(?:\]\]>\s*)?<\/Code>/;

/** Codes of servers and proxies that explain nothing beyond the status. */
const GENERIC_CODES = new Set([
  '400',
  '403',
  '503',
  'BadRequest',
  'Error',
  'Forbidden',
  'Unknown',
  'UnknownError',
]);

/** Longest message of a server that is shown, in characters. */
const MAX_MESSAGE = 200;

/** The form of S3's and Node's codes. A server can return any text as its code, and text of another form is not logged. */
const CODE_FORM = /^[A-Za-z0-9_.-]{1,64}$/;

/** Returns `value` if it has the form of a code and contains no secret. Returns undefined otherwise. */
export function codeLike(value: unknown): string | undefined {
  return typeof value === 'string' && CODE_FORM.test(value) && redact(value) === value ? value : undefined;
}

/** Returns the code of an error, or of the first error in an AggregateError (happy eyeballs). Returns undefined for other text. */
export function errorCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code === 'string') return codeLike(code);
  return error instanceof AggregateError ? errorCode(error.errors[0]) : undefined;
}

/** Returns whether a failure is a response with one of these HTTP statuses. */
export function isStatus(error: unknown, ...statuses: number[]): error is ResponseError {
  return error instanceof ResponseError && statuses.includes(error.status);
}

/**
 * Returns whether there is no such object. A missing bucket or upload is another failure, except after a HEAD, whose
 * responses have no code.
 */
export function isMissing(error: unknown): boolean {
  return isStatus(error, 404) && error.code !== 'NoSuchBucket' && error.code !== 'NoSuchUpload';
}
