import { OPEN_FILES_LIMIT } from '../../../archive/archive-errors.ts';
import { ThreadError } from '../../../archive/pool/threads.ts';
import { redact } from '../../redact.ts';
import {
  PolicyRefusedError,
  StoreError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../store-errors.ts';
import { describeBucket, type S3Settings } from '../s3-settings.ts';
import { describeProxy } from '../transport/agents.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { NoResponseError } from '../transport/timers.ts';
import { proxyRefusal, tunnelStatus } from './proxy-refusals.ts';
import {
  DENIED_SESSION,
  hasExpired,
  type IdentityUse,
  type Refusal,
  refusalOf,
  withKeySource,
} from './refusals.ts';
import { codeLike, errorCode, ResponseError } from './response-error.ts';
import { denialOf, serverRefusal } from './server-refusals.ts';

/**
 * Classifies the failures of calls, and converts them into errors of the store contract. A failure is a ResponseError, or an
 * error of Node or the SDK, of which `code`, `name` and the HTTP status count.
 */

/** Reasons of Node's codes for a server that cannot be reached or a broken connection. '' if the code alone explains it. */
const CONNECTION_FAILURES: ReadonlyMap<string | undefined, string> = new Map(
  Object.entries({
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    ECONNABORTED: '',
    EPIPE: 'connection closed',
    ETIMEDOUT: '',
    EHOSTUNREACH: 'host unreachable',
    EHOSTDOWN: '',
    ENETUNREACH: 'network unreachable',
    ENETDOWN: '',
    EADDRNOTAVAIL: '',
    ENOTFOUND: 'host name not found',
    EAI_AGAIN: 'host name not resolved',
    EAI_FAIL: '',
    ERR_STREAM_PREMATURE_CLOSE: '',
    ERR_PROXY_TUNNEL: 'the proxy does not connect',
  }),
);

/** 5xx that a retry does not change: not implemented, HTTP version not supported. */
const FINAL_5XX = new Set([501, 505]);

/** Kind of a failure. */
export type FailureKind =
  /** No response in time. */
  | 'timeout'
  /** No response in time to a request that has been sent whole. */
  | 'late'
  /** Not reached, or the connection broke before the response was complete. */
  | 'connection'
  /** A success by its status whose body ended early or could not be read. */
  | 'broken-body'
  /** 429. */
  | 'too-many'
  /** 503 of the server itself: radosgw and AWS return 503 SlowDown. */
  | 'overloaded'
  /** 503 without an S3 code: it is from a proxy whose server is down. */
  | 'down'
  /** The other 5xx, and an error in the body of a success. */
  | 'busy'
  /** A response that a retry does not change, or an error of another kind. */
  | 'final';

/** Properties that errors of Node and the SDK may have. */
interface ErrorShape {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The classified failure of a call. `cause` is the error itself. */
export class Failure extends Error {
  override name = 'Failure';
  /** Status of the response, which the SDK adds to its errors after a success that it cannot read. Undefined without a response. */
  readonly status =
    this.cause instanceof ResponseError
      ? this.cause.status
      : (this.cause as ErrorShape | undefined)?.$metadata?.httpStatusCode;
  readonly code = errorCode(this.cause);
  /** Status and code as far as there are any: `403 AccessDenied`. */
  readonly statusAndCode = [this.status, this.code].filter(part => part !== undefined).join(' ');
  readonly kind = kindOf(this);
  /** Whether a retry can help: 429, 5xx, connection errors, time-outs, and bodies that end early. Other 4xx are final. */
  readonly isRetryable = this.kind !== 'final';

  /** Whether the server has denied access without another reason: a policy may forbid the call. */
  get isDenied(): boolean {
    return this.status === 403 && (this.code === undefined || this.code === 'AccessDenied');
  }

  /** The message of a failure that this program has detected: a time-out or a ProtocolError. Undefined for another failure. */
  get ownMessage(): string | undefined {
    const { cause, kind } = this;
    const isTimeout = (kind === 'timeout' || kind === 'late') && !(cause instanceof ResponseError);
    return isTimeout || cause instanceof ProtocolError ? (cause as Error).message : undefined;
  }

  /** Status and code, or a message of at most 200 characters for a failure that is neither S3's nor the network's. */
  get summary(): string {
    const { name, message } = this.cause as Error;
    return this.statusAndCode || redact(`${codeLike(name) ?? 'Error'}: ${message}`.slice(0, 200));
  }
}

/** Classifies an error. Returns a Failure as it is. */
export function classify(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('', { cause: error });
}

function kindOf({ cause: error, status, code }: Failure): FailureKind {
  // The proxy requires a user name and password
  if (tunnelStatus(error) === 407) return 'final';
  if (error instanceof NoResponseError) return 'late';
  if ((error as ErrorShape | undefined)?.name === 'TimeoutError') return 'timeout';
  // 408 and S3's 400 RequestTimeout mean that our bytes did not arrive in time
  if (status === 408 || code === 'RequestTimeout') return 'timeout';
  if (CONNECTION_FAILURES.has(code) || code?.startsWith('HPE_')) return 'connection';
  if (status === undefined) return 'final';
  if (status === 429) return 'too-many';
  if (status === 503) return code === undefined ? 'down' : 'overloaded';
  if (status >= 500 && !FINAL_5XX.has(status)) return 'busy';
  if (status >= 200 && status < 300) {
    // A success by its status: the body was cut, or does not follow the protocol
    if (!(error instanceof ResponseError)) return 'broken-body';
    // An error in the body of a success, as AWS returns it for a failure after it has sent the status
    return code === 'SlowDown' ? 'overloaded' : 'busy';
  }
  return 'final';
}

/**
 * Converts a failure of a call into an error of the store contract. Its message is one clause with the bucket, the call, and
 * the summary of the failure, and contains no secret.
 *
 * @param operation S3's name of the call.
 */
export function fromS3Error(
  failure: Failure,
  operation: string,
  settings: S3Settings,
  identity: IdentityUse,
): Error {
  const { cause: error, kind, code, summary, ownMessage } = failure;
  // An error of the contract already, or of the thread that has sent the request
  if (error instanceof StoreError || error instanceof ThreadError) return error;
  const bucket = describeBucket(settings);
  const call = `${operation}: ${summary}`;
  const options = { cause: error };
  const unavailable = (reason: string, details: string) =>
    new StoreUnavailableError(`${bucket}: ${reason || 'the call failed'} (${details})`, options);
  const refused = (setting: Refusal[0], reason: string, serverMessage = '') =>
    new StoreRefusedError(
      `${bucket}: ${reason} (${call})${serverMessage}`,
      withKeySource(setting, settings, identity),
      options,
    );
  if (ownMessage !== undefined) return unavailable(ownMessage, operation);
  if (kind === 'connection') {
    const status = tunnelStatus(error);
    const proxy =
      describeProxy(settings.environment, settings.endpoint) + (status ? `; status ${status}` : '');
    // radosgw and other servers reset plain http on a port for https
    const mayExpectTls = settings.endpoint?.protocol === 'http:' && !identity.haveWorked && proxy === '';
    const hint = mayExpectTls && code === 'ECONNRESET' ? '; the port may expect https' : '';
    return unavailable((CONNECTION_FAILURES.get(code) ?? '') + hint, call + proxy);
  }
  const byProxy = kind === 'final' ? proxyRefusal(error, settings) : undefined;
  const { role } = identity;
  if (role && failure.isDenied && !byProxy && !hasExpired(error, identity)) {
    return new PolicyRefusedError(
      `${bucket}: the role ${role.arn} does not allow this call to the run (${call}), whose token has ${role.claims}`,
      'the policies of the role and the bucket',
      options,
    );
  }
  const refusal =
    refusalOf(error, { operation, code, settings, identity }) ?? serverRefusal(error) ?? byProxy;
  if (refusal) return refused(...refusal, denialOf(error));
  if (kind !== 'final' || !(error instanceof ResponseError)) {
    if (kind === 'broken-body') return unavailable('the response ended early or cannot be read', call);
    return unavailable(code === 'EMFILE' ? OPEN_FILES_LIMIT : '', call);
  }
  if (error.status === 401 || error.status === 403) {
    if (identity.isTemporary) return refused(...DENIED_SESSION);
    return refused(
      [{ input: 'accessKey' }, { input: 'secretKey' }, "the bucket's policy"],
      'access is denied',
    );
  }
  return refused({ input: 'endpoint' }, 'the endpoint refused the call', error.quotedMessage);
}
