import { ResponseError } from '../errors/response-error.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { CredentialsCall } from './credentials-call.ts';
import { MAX_TOKEN_BYTES } from './profile.ts';

/** Returns whether the runner offers OIDC tokens to this job, which needs the permission `id-token: write` and is not of a fork. */
export function offersIdTokens(env: Readonly<NodeJS.ProcessEnv>): boolean {
  return Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL && env.ACTIONS_ID_TOKEN_REQUEST_TOKEN);
}

/**
 * Requests a new OIDC token of this run from the runner's service.
 * @throws the signal's reason, an error with the status or the code of a failed request, and a ProtocolError.
 */
export async function requestIdToken(audience: string, signal: AbortSignal): Promise<string> {
  const { getIDToken } = await import('./id-token-client.ts');
  const call = new CredentialsCall();
  const token = await call
    .run(() => getIDToken(audience), signal)
    .catch(error => {
      throw signal.aborted || error instanceof ProtocolError ? error : explain(call);
    });
  if (
    typeof token === 'string' &&
    token.length <= MAX_TOKEN_BYTES &&
    /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
  ) {
    return token;
  }
  throw new ProtocolError('the response has no token');
}

/** Returns a failure that can be classified. The client's own error only has a message, which quotes the server's. */
function explain({ status, code }: CredentialsCall): Error {
  if (code !== undefined) return Object.assign(new Error(code), { code });
  if (status === undefined) return new ProtocolError('ACTIONS_ID_TOKEN_REQUEST_URL is not a URL');
  if (status < 300) return new ProtocolError('the response has no token');
  return new ResponseError({ status, headers: {} });
}
