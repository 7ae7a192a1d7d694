import type { ChildProcess } from 'node:child_process';
import { type ClientRequest, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { WaitedTime } from '../../retry/stall-limit.ts';
import { type CallObserver, observe } from '../process-hooks.ts';
import { StoreUnavailableError } from '../store-errors.ts';
import { isRefusedStatus, type ServiceResponse } from './outcome.ts';
import { type GitHubTimeouts, Watchdog } from './watchdog.ts';

export interface ClientCallOptions {
  readonly timeouts: GitHubTimeouts;
  /** The waits of the step so far. */
  readonly waited: WaitedTime;
  readonly onWrite: CallObserver['onWrite'];
  /** Returns the reason for which the client's last attempt failed, for the message of a timeout. */
  readonly lastFailure: () => string | undefined;
  /** Called before each request that finalizes an upload: the entry may appear from then on. */
  readonly onFinalize?: (() => void) | undefined;
  /** Called before a program works on a downloaded archive: it may write files from then on. */
  readonly onUnpack?: (() => void) | undefined;
  readonly signal: AbortSignal;
}

/** Interval between two checks of the timeouts, in ms. */
const CHECK_MS = 250;

/** The client reads responses into memory. All but a downloaded archive are JSON or XML of a few KiB. */
const MAX_RESPONSE_BYTES = 1024 * 1024;

/**
 * One call of the client. It ends early when a timeout passes, a response is out of bounds or `signal` aborts. Then its
 * requests are destroyed and its programs killed, also those that it starts later, so that it writes no more files.
 */
export class ClientCall implements CallObserver {
  requests = 0;
  /** Requests that repeat a call of the service. */
  retries = 0;
  serviceResponse: ServiceResponse = 'not requested';

  readonly #options: ClientCallOptions;
  readonly #watchdog: Watchdog;
  readonly #ended = Promise.withResolvers<never>();
  readonly #requests = new Set<ClientRequest>();
  readonly #sockets = new Set<Socket>();
  readonly #programs = new Set<ChildProcess>();
  #isAbandoned = false;
  #hasDownloaded = false;
  #lastCall: string | undefined;

  constructor(options: ClientCallOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog(options.timeouts, options.waited);
  }

  /**
   * Runs the call. Only once for each `ClientCall`.
   *
   * @throws StoreUnavailableError when a timeout has passed or a response is out of bounds; the signal's reason after
   * an abort; the client's errors.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const onAbort = () => this.#abandon(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setInterval(() => this.#check(), CHECK_MS);
    const result = observe(this, call);
    // An abandoned call rejects later, when its error has no use any more
    result.catch(() => {});
    try {
      return await Promise.race([this.#ended.promise, result]);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  onWrite(chunk: string | Uint8Array): void {
    if (!this.#isAbandoned) this.#options.onWrite(chunk);
  }

  onRequest(request: ClientRequest): void {
    if (this.#requests.has(request)) return;
    this.#requests.add(request);
    if (this.#isAbandoned) {
      request.on('error', () => {}).destroy(abandonedError());
      return;
    }
    const kind = requestKind(request);
    if (kind !== 'tunnel') this.#count(request, kind);
    const bounded = kind === 'service' || request.method !== 'GET';
    const onSocket = (socket: Socket) => {
      this.#sockets.add(socket);
      if (bounded) this.#boundResponse(request, socket);
    };
    if (request.socket === null) request.once('socket', onSocket);
    else onSocket(request.socket);
    if (kind === 'transfer' && request.method === 'GET') this.#hasDownloaded = true;
    request.once('response', ({ statusCode = 0 }) => {
      if (kind === 'service') this.serviceResponse = statusCode;
      // the client would save the body of such a response as the archive
      else if (request.method === 'GET' && isRefusedStatus(statusCode))
        this.#fail(`refused the download with ${statusLine(statusCode)}`);
    });
    // Without a listener Node.js closes the request with neither a response nor an error, and the client waits forever.
    request.once('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy();
      this.#fail(`responded with ${statusLine(statusCode)}`);
    });
  }

  onChild(program: ChildProcess): void {
    if (this.#isAbandoned) {
      program.once('spawn', () => program.kill());
      return;
    }
    this.#programs.add(program);
    if (this.#hasDownloaded) this.#options.onUnpack?.();
    this.#watchdog.programStarted(performance.now());
    const ended = () => {
      if (this.#programs.delete(program)) this.#watchdog.programEnded();
    };
    program.once('exit', ended);
    program.once('error', ended);
  }

  #count(request: ClientRequest, kind: 'service' | 'transfer'): void {
    const call = `${request.method} ${request.path}`;
    this.requests += 1;
    if (kind === 'service') {
      if (call === this.#lastCall) this.retries += 1;
      this.serviceResponse = 'none';
    }
    this.#lastCall = call;
    this.#watchdog.requestStarted(kind, performance.now());
    if (isFinalization(request)) this.#options.onFinalize?.();
  }

  #boundResponse(request: ClientRequest, socket: Socket): void {
    let bytes = 0;
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > MAX_RESPONSE_BYTES) this.#fail(`responded with more than ${MAX_RESPONSE_BYTES} bytes`);
    };
    socket.on('data', count);
    request.once('close', () => socket.off('data', count));
  }

  #check(): void {
    let bytes = 0;
    for (const socket of this.#sockets) bytes += socket.bytesRead + socket.bytesWritten;
    const now = performance.now();
    this.#watchdog.bytesMoved(bytes, now);
    const expired = this.#watchdog.expired(now);
    if (expired === undefined) return;
    const cause = this.#options.lastFailure();
    this.#fail(cause === undefined ? expired : `${expired} (last attempt: ${cause})`);
  }

  #fail(clause: string): void {
    this.#abandon(new StoreUnavailableError(`GitHub's cache ${clause}`));
  }

  #abandon(reason: unknown): void {
    this.#isAbandoned = true;
    this.#ended.reject(reason);
    for (const request of this.#requests) request.destroy(abandonedError());
    for (const program of this.#programs) program.kill();
  }
}

/** After an error of this code the client gives up at once; after any other it would wait and retry. */
function abandonedError(): Error {
  return Object.assign(new Error('the call was abandoned'), { code: 'ECONNRESET' });
}

/** The status with its standard phrase: the one in the response is foreign text. */
function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

type RequestLine = Pick<ClientRequest, 'method' | 'path'>;

/**
 * Returns whether a request is a call of the cache service (`/twirp/...` in version 2, `_apis/artifactcache/cache...` in
 * version 1), transfers the archive (version 1 uploads with PATCH to the service itself) or opens a tunnel through a
 * proxy for either.
 */
export function requestKind({ method, path }: RequestLine): 'service' | 'transfer' | 'tunnel' {
  if (method === 'CONNECT') return 'tunnel';
  if (path.startsWith('/twirp/')) return 'service';
  return /\/_apis\/artifactcache\/caches?\b/.test(path) && method !== 'PATCH' ? 'service' : 'transfer';
}

/** Returns true if the request makes an uploaded entry visible. */
export function isFinalization({ method, path }: RequestLine): boolean {
  return method === 'POST' && /\/FinalizeCacheEntryUpload$|\/_apis\/artifactcache\/caches\/\d+$/.test(path);
}
