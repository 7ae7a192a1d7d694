import { ThreadError } from '../../../archive/pool/threads.ts';
import {
  PolicyRefusedError,
  StoreError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../store-errors.ts';
import { describeBucket, type S3Settings } from '../s3-settings.ts';
import { portOf, proxyOf } from '../transport/agents.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import {
  classify,
  errorCode,
  httpStatus,
  s3Code,
  statusAndCode,
  summaryOf,
  tunnelStatus,
} from './classify.ts';
import { isRedirect, proxyRefusal } from './proxy-refusals.ts';
import { DENIED_SESSION, hasExpired, type IdentityUse, refusalOf } from './refusals.ts';
import { messageOf } from './refused-response.ts';
import { denialOf, serverRefusal } from './server-refusals.ts';

/** Code of the system or of Node -> the reason. */
const FAILURES: ReadonlyMap<string | undefined, string> = new Map([
  ['EMFILE', 'the limit of open files is reached; raise `nofile`'],
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
function ofProxy(error: unknown, { endpoint, environment }: S3Settings): string {
  if (errorCode(error) === 'ERR_PROXY_TUNNEL') {
    const status = tunnelStatus(error);
    const proxy = proxyOf(environment, endpoint);
    return (proxy ? `; the proxy at ${proxy}` : '') + (status ? `; status ${status}` : '');
  }
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { address, port, hostname } = (first ?? {}) as { address?: string; port?: number; hostname?: string };
  if (endpoint === undefined) return '';
  if (port !== undefined && port !== portOf(endpoint)) return `; the proxy at ${address}, port ${port}`;
  return hostname !== undefined && hostname !== endpoint.hostname ? `; the proxy at ${hostname}` : '';
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
  const call = `${operation}: ${statusAndCode(error)}`;
  const cause = { cause: error };
  const unavailable = (reason: string, shown: string) =>
    new StoreUnavailableError(`${bucket}: ${reason} (${shown})`, cause);
  const refused = (setting: string, reason: string, more = '') =>
    new StoreRefusedError(`${bucket}: ${reason} (${call})${more}`, setting, cause);
  if (error instanceof ProtocolError || (kind === 'timeout' && status === undefined)) {
    return unavailable((error as Error).message, operation);
  }
  if (kind === 'connection') {
    return unavailable(FAILURES.get(code) ?? 'the call failed', call + ofProxy(error, settings));
  }
  const byProxy = kind === 'final' ? proxyRefusal(error, settings) : undefined;
  const { role } = identity;
  const byPolicy = status === 403 && (code === undefined || code === 'AccessDenied');
  if (role && byPolicy && !byProxy && !hasExpired(error, identity)) {
    return new PolicyRefusedError(
      `${bucket}: the role ${role.arn} does not allow this call to the run (${call}), whose token has ${role.claims}`,
      'the policies of the role and the bucket',
      cause,
    );
  }
  const refusal =
    refusalOf(error, { operation, code, settings, identity }) ?? serverRefusal(error, code) ?? byProxy;
  if (refusal) return refused(...refusal, denialOf(error, code));
  if (kind !== 'final' || status === undefined) {
    const isBroken = kind === 'broken-body';
    const broken = 'the response ended early or cannot be read';
    const reason = isBroken ? broken : (FAILURES.get(code) ?? 'the call failed');
    return unavailable(reason, `${operation}: ${summaryOf(error)}`);
  }
  if (status === 401 || status === 403) {
    if (identity.temporary) return refused(...DENIED_SESSION);
    return refused("the inputs 'accessKey' and 'secretKey', and the bucket's policy", 'access is denied');
  }
  if (isRedirect(status)) {
    return refused("the input 'region'", 'the endpoint redirects to another URL');
  }
  return refused("the input 'endpoint'", 'the endpoint refused the call', messageOf(error));
}
