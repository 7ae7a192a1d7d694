import type { ChildProcess } from 'node:child_process';
import { type ClientRequest, STATUS_CODES } from 'node:http';
import type { WaitedTime } from '../../retry/stall-limit.ts';
import { ObservedCall } from '../observed-call.ts';
import type { CallObserver } from '../process-hooks.ts';
import { StoreUnavailableError } from '../store-errors.ts';
import { isRefusedStatus, isSuccess, type ServiceResponse } from './outcome.ts';
import { createWatchdog, type GitHubLimits } from './watchdog.ts';

export interface GitHubCallOptions {
  readonly limits: GitHubLimits;
  /** The waits of the step so far, to which the call adds its waits. */
  readonly waited: WaitedTime;
  readonly onWrite: CallObserver['onWrite'];
  /** Returns the reason for which the client's last attempt failed, for the message of a timeout. */
  readonly lastFailure: () => string | undefined;
  /** Callback before each request that finalizes an upload: the entry may appear from then on. */
  readonly onFinalize?: (() => void) | undefined;
  /** Callback before a program works on a downloaded archive: it may write files from then on. */
  readonly onUnpack?: (() => void) | undefined;
}

/** Interval between two checks of the limits, in ms. */
const CHECK_MS = 250;

/** Longest response in bytes, except a downloaded archive. The client reads it into memory; it is JSON or XML of a few KiB. */
const MAX_RESPONSE_BYTES = 1024 * 1024;

/** One call of the client. It also ends early when a timeout passes, and then writes no more files. */
export class GitHubCall extends ObservedCall {
  requests = 0;
  /** Requests that repeat a call of the service. */
  retries = 0;
  serviceResponse: ServiceResponse = 'not requested';

  readonly #options: GitHubCallOptions;
  readonly #watchdog: ReturnType<typeof createWatchdog>;
  #hasDownloaded = false;
  #lastCall: string | undefined;

  constructor(options: GitHubCallOptions) {
    super(MAX_RESPONSE_BYTES);
    this.#options = options;
    this.#watchdog = createWatchdog(options.limits, options.waited);
  }

  /** Runs the call. Throws as `ObservedCall` does, and StoreUnavailableError when a timeout has passed. */
  override async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const timer = setInterval(() => this.#check(), CHECK_MS);
    return super.run(call, signal).finally(() => clearInterval(timer));
  }

  protected override print(chunk: string | Uint8Array): void {
    this.#options.onWrite(chunk);
  }

  protected override begin(request: ClientRequest): boolean {
    const kind = requestKind(request);
    if (kind !== 'tunnel') this.#count(request, kind);
    if (kind === 'transfer' && request.method === 'GET') this.#hasDownloaded = true;
    request.once('response', ({ statusCode = 0, socket }) => {
      if (kind === 'service') this.serviceResponse = statusCode;
      // The client would save the body of this response as the archive
      else if (request.method === 'GET' && isRefusedStatus(statusCode))
        this.fail(unavailable(`refused the download with ${statusLine(statusCode)}`));
      // The client reads the body of a redirect into memory
      else if (request.method === 'GET' && !isSuccess(statusCode)) this.boundResponse(request, socket);
    });
    return kind === 'service' || request.method !== 'GET';
  }

  protected override failureOf(problem: 'length' | 'upgrade'): Error {
    const response = problem === 'length' ? `more than ${MAX_RESPONSE_BYTES} bytes` : statusLine(101);
    return unavailable(`responded with ${response}`);
  }

  override onChild(program: ChildProcess): void {
    super.onChild(program);
    if (this.hasEnded) return;
    if (this.#hasDownloaded) this.#options.onUnpack?.();
    this.#watchdog.noteProgramStart(performance.now());
    // Only one of the two events may occur
    const ended = new Promise<void>(resolve => program.once('exit', resolve).once('error', resolve));
    void ended.then(() => this.#watchdog.noteProgramEnd());
  }

  #count(request: ClientRequest, kind: 'service' | 'transfer'): void {
    const call = `${request.method} ${request.path}`;
    this.requests += 1;
    if (kind === 'service') {
      if (call === this.#lastCall) this.retries += 1;
      this.serviceResponse = 'none';
    }
    this.#lastCall = call;
    this.#watchdog.noteRequestStart(kind, performance.now());
    if (isFinalization(request)) this.#options.onFinalize?.();
  }

  #check(): void {
    let bytes = 0;
    for (const socket of this.sockets) bytes += socket.bytesRead + socket.bytesWritten;
    const { maxDownloadBytes } = this.#options.limits;
    // The length in a response may be missing or wrong
    if (this.#hasDownloaded && bytes > maxDownloadBytes)
      this.fail(unavailable(`sent an archive of more than ${maxDownloadBytes} bytes`));
    const now = performance.now();
    this.#watchdog.countBytes(bytes, now);
    const expired = this.#watchdog.findExpired(now);
    if (expired === undefined) return;
    const cause = this.#options.lastFailure();
    this.fail(unavailable(cause === undefined ? expired : `${expired} (last attempt: ${cause})`));
  }
}

function unavailable(clause: string): StoreUnavailableError {
  return new StoreUnavailableError(`GitHub's cache ${clause}`);
}

/** Returns the status with its standard phrase: the phrase in the response is foreign text. */
function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

type RequestLine = Pick<ClientRequest, 'method' | 'path'>;

/**
 * Returns the kind of a request: a call of the cache service (`/twirp/...` in version 2, `_apis/artifactcache/cache...` in
 * version 1), a transfer of the archive, or a tunnel for either. Version 1 uploads with PATCH to the service itself.
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
