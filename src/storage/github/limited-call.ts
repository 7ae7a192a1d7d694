import type { ChildProcess } from 'node:child_process';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { StoreUnavailableError } from '../store-errors.ts';
import { type CallObserver, observe } from './observe.ts';
import { type GitHubLimits, Watchdog } from './watchdog.ts';

export interface LimitedCallOptions {
  readonly limits: GitHubLimits;
  readonly onLine: (line: string) => void;
  readonly onRequest: () => void;
  /** What to add to a passed limit: the last failure that was seen. */
  readonly lastFailure: () => string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs one call of the client and ends the waiting for it when a limit passes or `signal` aborts. Then its requests
 * are destroyed and its programs killed, also those that it still starts, so nothing of it keeps the process alive or
 * writes on after the step has gone on.
 *
 * @throws StoreUnavailableError when a limit of `options.limits` has passed; the signal's reason after an abort.
 */
export async function limitedCall<T>(call: () => Promise<T>, options: LimitedCallOptions): Promise<T> {
  options.signal?.throwIfAborted();
  const watched = new WatchedCall(options);
  const result = observe(watched, call);
  try {
    return await Promise.race([result, watched.givenUp]);
  } finally {
    watched.stop();
    // The abandoned call ends later, with an error that nobody needs any more.
    result.catch(() => {});
  }
}

/** How often bytes are looked at, in ms. */
const POLL_MS = 250;

class WatchedCall implements CallObserver {
  readonly givenUp: Promise<never>;
  readonly #options: LimitedCallOptions;
  readonly #watchdog: Watchdog;
  readonly #requests = new Set<ClientRequest>();
  readonly #sockets = new Set<Socket>();
  readonly #children = new Set<ChildProcess>();
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort: () => void;
  #abandoned = false;

  constructor(options: LimitedCallOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog(options.limits);
    const { promise, reject } = Promise.withResolvers<never>();
    this.givenUp = promise;
    // Nobody listens any more when the call has ended first.
    promise.catch(() => {});
    const giveUp = (error: Error) => {
      this.#abandon();
      reject(error);
    };
    this.#onAbort = () => giveUp(options.signal?.reason);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer = setInterval(() => {
      const overdue = this.#check();
      if (overdue !== undefined) giveUp(overdue);
    }, POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  onLine(line: string): void {
    if (!this.#abandoned) this.#options.onLine(line);
  }

  onRequest(request: ClientRequest): void {
    if (this.#requests.has(request)) return;
    if (this.#abandoned) {
      request.on('error', () => {}).destroy(connectionEnded());
      return;
    }
    this.#requests.add(request);
    this.#options.onRequest();
    this.#watchdog.requestStarted(kindOf(request), performance.now());
    if (request.socket !== null) this.#sockets.add(request.socket);
    request.once('socket', socket => this.#sockets.add(socket));
  }

  onChild(child: ChildProcess): void {
    if (this.#abandoned) {
      child.once('spawn', () => child.kill());
      return;
    }
    this.#children.add(child);
    this.#watchdog.childStarted();
    const ended = () => {
      if (this.#children.delete(child)) this.#watchdog.childEnded();
    };
    child.once('exit', ended);
    child.once('error', ended);
  }

  #check(): Error | undefined {
    const now = performance.now();
    let bytes = 0;
    for (const socket of this.#sockets) bytes += socket.bytesRead + socket.bytesWritten;
    this.#watchdog.bytesMoved(bytes, now);
    const overdue = this.#watchdog.overdue(now);
    if (overdue === undefined) return undefined;
    const cause = this.#options.lastFailure();
    return new StoreUnavailableError(`GitHub's cache ${overdue}${cause === undefined ? '' : ` (${cause})`}`);
  }

  #abandon(): void {
    this.#abandoned = true;
    for (const request of this.#requests) request.destroy(connectionEnded());
    for (const child of this.#children) child.kill();
  }
}

/** With this code the client ends a question at once; after any other error it would wait and ask again. */
function connectionEnded(): Error {
  return Object.assign(new Error('given up'), { code: 'ECONNRESET' });
}

/**
 * Questions go to `/twirp/...` (v2) or `_apis/artifactcache/cache...` (v1); everything else moves the archive. v1
 * sends its chunks with PATCH to the service itself.
 */
export function kindOf(request: Pick<ClientRequest, 'method' | 'path'>): 'service' | 'transfer' {
  if (request.path.startsWith('/twirp/')) return 'service';
  return /\/_apis\/artifactcache\/caches?\b/.test(request.path) && request.method !== 'PATCH'
    ? 'service'
    : 'transfer';
}
