import { redact } from '../../redact.ts';

/** The response that an error of the SDK was made of. */
export interface RefusedResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The `Date` of the response, which is not among `headers`. */
  readonly date: string | undefined;
  /** The body, of at most 64 KiB. */
  readonly text: string;
}

/** Returns the response of a failed call, which the SDK attaches to its errors. Returns undefined if there was none. */
export function refusedResponse(error: unknown): RefusedResponse | undefined {
  const { $response: response } = (error ?? {}) as { $response?: SdkResponse };
  if (typeof response?.statusCode !== 'number') return undefined;
  const { statusCode, headers = {}, date, body } = response;
  // A string already, if the SDK could not parse it
  const text = body instanceof Uint8Array ? Buffer.from(body).toString() : body;
  return { status: statusCode, headers, date, text: typeof text === 'string' ? text : '' };
}

/** The response of our handler as the SDK keeps it in an error. */
export interface SdkResponse {
  readonly statusCode?: number;
  readonly reason?: string | undefined;
  /** Those that the SDK may act on. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly date?: string | undefined;
  readonly body?: unknown;
}

/** Longest message of a server that is shown, in characters. */
const MAX_MESSAGE = 200;

/** Returns the server's own message, quoted, after a colon. Returns '' if there is none. Foreign text: escape it. */
export function messageOf(error: unknown): string {
  const [, message] = /<Message>([^<]{1,2000})<\/Message>/.exec(refusedResponse(error)?.text ?? '') ?? [];
  const text = redact((message ?? '').replace(/[\p{Cc}\s]+/gu, ' ').trim());
  if (text === '') return '';
  return `: ${JSON.stringify(text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}...` : text)}`;
}
