import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { unlessAborted } from '../../../retry/signals.ts';
import { type CallObserver, observe } from '../../process-hooks.ts';
import { errorCode } from '../errors/classify.ts';
import { ProtocolError } from '../transport/protocol-error.ts';
import { MAX_TOKEN_BYTES } from './profile.ts';

/** Bound of a response with its headers, in bytes. GitHub's has some 3 KB. */
const MAX_RESPONSE_BYTES = 2 * MAX_TOKEN_BYTES;

/** Returns whether the runner offers OIDC tokens: to jobs with the permission `id-token: write`, and not to forks. */
export function offersIdTokens(env: Readonly<NodeJS.ProcessEnv>): boolean {
  return Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL && env.ACTIONS_ID_TOKEN_REQUEST_TOKEN);
}

/**
 * Requests a new OIDC token of this run from the runner's service, within the time of the signal.
 * @throws the signal's reason; an error with the status or the code of a failed request; a ProtocolError.
 */
export async function requestIdToken(audience: string, signal: AbortSignal): Promise<string> {
  const { getIDToken } = await import('./id-token-client.ts');
  const token = await new TokenRequest().run(() => getIDToken(audience), signal);
  if (
    typeof token === 'string' &&
    token.length <= MAX_TOKEN_BYTES &&
    /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)
  ) {
    return token;
  }
  throw new ProtocolError('the response has no token');
}

/**
 * One call of the client, which has no limit in time or bytes, repeats a request up to ten times, waits forever after a 101,
 * and prints what the server sends (@actions/core 3.0.1). Its output is dropped.
 */
class TokenRequest implements CallObserver {
  readonly #requests = new Set<ClientRequest>();
  readonly #failure = Promise.withResolvers<never>();
  #hasEnded = false;
  #status: number | undefined;
  #code: string | undefined;

  async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const result = observe(this, call);
    // After an abort it rejects later, when its error has no use any more
    result.catch(() => {});
    try {
      return await unlessAborted(Promise.race([this.#failure.promise, result]), signal);
    } catch (error) {
      // The client's message quotes the server's
      if (signal.aborted || error instanceof ProtocolError) throw error;
      throw this.#explain();
    } finally {
      this.#hasEnded = true;
      for (const request of this.#requests) request.destroy();
    }
  }

  onWrite(): void {}

  onChild(): void {}

  onRequest(request: ClientRequest): void {
    if (this.#requests.has(request)) return;
    this.#requests.add(request);
    request.on('error', error => {
      this.#code ??= errorCode(error);
    });
    if (this.#hasEnded) return void request.destroy();
    this.#code = undefined;
    request.once('socket', socket => this.#boundResponse(request, socket));
    request.once('response', ({ statusCode }) => {
      this.#status = statusCode;
    });
    // Without a listener Node closes the request with neither a response nor an error
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      this.#failure.reject(new ProtocolError('the server switches protocols (101), which was not requested'));
    });
  }

  #boundResponse(request: ClientRequest, socket: Socket): void {
    let bytes = 0;
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes <= MAX_RESPONSE_BYTES) return;
      request.destroy();
      this.#failure.reject(new ProtocolError(`the response is longer than ${MAX_RESPONSE_BYTES} bytes`));
    };
    socket.on('data', count);
    request.once('close', () => socket.off('data', count));
  }

  /** Returns the failure as `classify` reads it. */
  #explain(): Error {
    const [status, code] = [this.#status, this.#code];
    if (code !== undefined) return Object.assign(new Error(code), { code });
    if (status === undefined) return new ProtocolError('ACTIONS_ID_TOKEN_REQUEST_URL is not a URL');
    if (status < 300) return new ProtocolError('the response has no token');
    return Object.assign(new Error(String(status)), { $metadata: { httpStatusCode: status } });
  }
}
