import type { ChildProcess } from 'node:child_process';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { raceSignal } from '../retry/signals.ts';
import { type CallObserver, observe } from './process-hooks.ts';

/**
 * One call of a client that sets no limits: it cannot be aborted, reads responses of any length, and waits forever
 * after a 101 (@actions/cache 6.3.0, @actions/core 3.0.1, @smithy/credential-provider-imds 4.5.2). It ends early when a
 * response is out of bounds or its signal aborts. At its end its requests are destroyed and its programs killed, also those
 * that it starts later.
 */
export abstract class ObservedCall implements CallObserver {
  protected readonly sockets = new Set<Socket>();
  readonly #maxResponseBytes: number;
  readonly #requests = new Set<ClientRequest>();
  readonly #programs = new Set<ChildProcess>();
  readonly #failure = Promise.withResolvers<never>();
  #hasEnded = false;

  /** @param maxResponseBytes bound of a response with its head. */
  constructor(maxResponseBytes: number) {
    this.#maxResponseBytes = maxResponseBytes;
  }

  /** Observes a request of the call, before it is sent. Returns whether the length of its response is bounded. */
  protected abstract begin(request: ClientRequest): boolean;

  /** Makes the error of a response that is too long, or that switches protocols. */
  protected abstract failureOf(problem: 'length' | 'upgrade'): Error;

  /** Receives the output of the call, until it has ended. */
  protected abstract print(chunk: string | Uint8Array): void;

  /**
   * Runs the call. Each instance runs only one.
   * @throws the signal's reason, the error of `failureOf` or `fail`, and the client's errors.
   */
  async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const result = observe(this, call);
    // After an early end the call rejects too, and its error has no use
    result.catch(() => {});
    try {
      return await raceSignal(Promise.race([this.#failure.promise, result]), signal);
    } finally {
      this.#end();
    }
  }

  onWrite(chunk: string | Uint8Array): void {
    if (!this.#hasEnded) this.print(chunk);
  }

  onRequest(request: ClientRequest): void {
    if (this.#requests.has(request)) return;
    this.#requests.add(request);
    if (this.#hasEnded) {
      request.on('error', () => {}).destroy(endedError());
      return;
    }
    const isBounded = this.begin(request);
    const onSocket = (socket: Socket) => {
      this.sockets.add(socket);
      if (isBounded) this.boundResponse(request, socket);
    };
    if (request.socket === null) request.once('socket', onSocket);
    else onSocket(request.socket);
    // Without a listener Node closes the request with neither a response nor an error
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      this.fail(this.failureOf('upgrade'));
    });
  }

  onChild(program: ChildProcess): void {
    this.#programs.add(program);
    // Before `spawn` it cannot be killed
    if (this.#hasEnded) program.once('spawn', () => program.kill('SIGKILL'));
  }

  protected get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends the call with an error. */
  protected fail(error: Error): void {
    this.#failure.reject(error);
    this.#end();
  }

  /** Counts the bytes of a response from now on, and ends the call if they exceed the bound. */
  protected boundResponse(request: ClientRequest, socket: Socket): void {
    let bytes = 0;
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > this.#maxResponseBytes) this.fail(this.failureOf('length'));
    };
    socket.on('data', count);
    request.once('close', () => socket.off('data', count));
  }

  #end(): void {
    this.#hasEnded = true;
    for (const request of this.#requests) request.destroy(endedError());
    for (const program of this.#programs) program.kill('SIGKILL');
  }
}

/** Makes the error of destroyed requests. Its code ends @actions/cache at once; after any other it would wait and retry. */
function endedError(): Error {
  return Object.assign(new Error('the call has ended'), { code: 'ECONNRESET' });
}
