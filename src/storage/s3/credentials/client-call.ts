import type { ChildProcess } from 'node:child_process';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { unlessAborted } from '../../../retry/signals.ts';
import { type CallObserver, observe } from '../../process-hooks.ts';
import { errorCode } from '../errors/classify.ts';
import { ProtocolError } from '../transport/protocol-error.ts';

/** Bound of a response with its headers, in bytes. GitHub's token has some 3 KB, the keys of a host 1 KB. */
const MAX_RESPONSE_BYTES = 128 * 1024;

/**
 * One call of a client of the runner's or the host's services that has no limit in bytes, waits forever after a 101, and prints
 * what the server sends (@actions/core 3.0.1, @smithy/credential-provider-imds 4.5.2). Its output is dropped, and its requests
 * and programs end with the call.
 */
export class ClientCall implements CallObserver {
  readonly #requests = new Set<ClientRequest>();
  readonly #programs = new Set<ChildProcess>();
  readonly #failure = Promise.withResolvers<never>();
  #hasEnded = false;
  #status: number | undefined;
  #code: string | undefined;

  /** The status of the latest response. */
  get status(): number | undefined {
    return this.#status;
  }

  /** The code of the failure of the latest request. */
  get code(): string | undefined {
    return this.#code;
  }

  /**
   * Runs the call. Only once for each `ClientCall`.
   * @throws the signal's reason; a ProtocolError; the client's errors, whose messages may quote the server's.
   */
  async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const result = observe(this, call);
    // After an abort it rejects later, when its error has no use any more
    result.catch(() => {});
    try {
      return await unlessAborted(Promise.race([this.#failure.promise, result]), signal);
    } finally {
      this.#hasEnded = true;
      for (const request of this.#requests) request.destroy();
      for (const program of this.#programs) program.kill('SIGKILL');
    }
  }

  onWrite(): void {}

  onChild(program: ChildProcess): void {
    this.#programs.add(program);
    if (this.#hasEnded) program.kill('SIGKILL');
  }

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
}
