import { ThreadError } from '../../../archive/pool/threads.ts';
import {
  PolicyRefusedError,
  StoreError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../store-errors.ts';
import { describeBucket, type S3Settings } from '../s3-settings.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { NoResponseError } from '../transport/timers.ts';
import { classify, codeLike, errorCode, httpStatus } from './classify.ts';
import { frontRefusal } from './front-refusals.ts';
import { redact } from './redact.ts';
import { hasExpired, type IdentityUse, refusalOf } from './refusals.ts';
import { messageOf } from './refused-response.ts';
import { denialOf, serverRefusal } from './server-refusals.ts';

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
 * radosgw and AWS return 503 SlowDown. A 503 without an S3 code comes from a proxy whose server is down. Bodies that a front
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

/** Returns a message in at most 200 characters and without secrets, for errors that are neither S3's nor the network's. */
function shortMessage(error: unknown): string {
  const { name, message } = error as Error;
  return redact(`${codeLike(name) ?? 'Error'}: ${message}`.slice(0, 200));
}

/** Returns status and code of a failure for the debug log, or a short message. */
export function summaryOf(error: unknown): string {
  const parts = [httpStatus(error), s3Code(error)].filter(part => part !== undefined);
  return parts.length > 0 ? parts.join(' ') : shortMessage(error);
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

/** Code of the system or of Node -> the reason. */
const FAILURES: ReadonlyMap<string | undefined, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection closed'],
  ['ENOTFOUND', 'host name not found'],
  ['EAI_AGAIN', 'host name not resolved'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
  ['ERR_PROXY_TUNNEL', 'the proxy does not connect'],
]);

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
export function fromS3Error(
  error: unknown,
  operation: string,
  settings: S3Settings,
  identity: IdentityUse,
): Error {
  // Converted already, or of a thread that has sent the request
  if (error instanceof StoreError || error instanceof ThreadError) return error;
  const bucket = describeBucket(settings);
  const code = s3Code(error);
  const status = httpStatus(error);
  const kind = classify(error);
  if (error instanceof ProtocolError || (kind === 'timeout' && status === undefined)) {
    return new StoreUnavailableError(`${bucket}: ${(error as Error).message} (${operation})`, {
      cause: error,
    });
  }
  const answer = [status, code].filter(part => part !== undefined).join(' ');
  if (kind === 'connection') {
    const reason = FAILURES.get(code) ?? 'the call failed';
    const shown = answer + ofProxy(error, settings.endpoint);
    return new StoreUnavailableError(`${bucket}: ${reason} (${operation}: ${shown})`, { cause: error });
  }
  const front = kind === 'final' ? frontRefusal(error, settings) : undefined;
  const { role } = identity;
  const byPolicy = status === 403 && (code === undefined || code === 'AccessDenied');
  if (role && byPolicy && !front && !hasExpired(error, identity)) {
    return new PolicyRefusedError(
      `${bucket}: the role ${role.arn} does not allow this call to the run (${operation}: ${answer}), whose token has ${role.claims}`,
      'the policies of the role and the bucket',
      { cause: error },
    );
  }
  const refusal =
    refusalOf(error, { operation, code, settings, identity }) ?? serverRefusal(error, code) ?? front;
  if (refusal) {
    const [setting, reason] = refusal;
    const message = `${bucket}: ${reason} (${operation}: ${answer})${denialOf(error, code)}`;
    return new StoreRefusedError(message, setting, { cause: error });
  }
  if (kind !== 'final' || status === undefined) {
    const reason = kind === 'broken-body' ? 'the response ended early' : 'the call failed';
    return new StoreUnavailableError(
      `${bucket}: ${reason} (${operation}: ${answer || shortMessage(error)})`,
      {
        cause: error,
      },
    );
  }
  if (status === 401 || status === 403) {
    return new StoreRefusedError(
      `${bucket}: access is denied (${operation}: ${answer})`,
      "the inputs 'accessKey' and 'secretKey', and the bucket's policy",
      { cause: error },
    );
  }
  if (status >= 300 && status < 400) {
    return new StoreRefusedError(
      `${bucket}: the endpoint redirects to another URL (${operation}: ${answer})`,
      "the input 'region'",
      {
        cause: error,
      },
    );
  }
  return new StoreRefusedError(
    `${bucket}: the endpoint refused the call (${operation}: ${answer})${messageOf(error)}`,
    "the input 'endpoint'",
    { cause: error },
  );
}
