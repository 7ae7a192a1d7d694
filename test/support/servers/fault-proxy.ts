import http from 'node:http';
import { Transform } from 'node:stream';
import { type LocalServer, listen } from './listen.ts';
import { operationOf } from './s3-operation.ts';

/**
 * A proxy between a client and a real S3 server that breaks the requests which a test picks. It forwards heads and bodies
 * unchanged (Host included, so that signatures stay valid), and knows where a request begins and ends: a fault can break
 * one Complete in the middle of a save.
 */

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** 0 for the first request to this proxy. */
  readonly index: number;
  /** S3's name of the operation, by method and query. */
  readonly operation: string;
  readonly range: string | undefined;
}

export type Fault =
  /** Forwards the request after `ms` milliseconds. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Forwards the request when something else has happened. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** Accepts the request, does not forward it and never responds. */
  | { readonly kind: 'silent' }
  /** Responds in place of the server. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Resets the connection; `served`: after the server has done its work, whose response is lost. */
  | { readonly kind: 'reset'; readonly served: boolean }
  /** Resets the connection after this many bytes of the response's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Closes the connection in order after this many bytes of the response's body. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Sends no more after this many bytes of the response's body; the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** Inverts one byte of the response's body. */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  /** Reads no more after this many bytes of the request's body, and does not respond. */
  | { readonly kind: 'stall-upload'; readonly afterBytes: number }
  /** Resets the connection after this many bytes of the request's body. */
  | { readonly kind: 'cut-upload'; readonly afterBytes: number }
  /** Inverts one byte of the request's body. */
  | { readonly kind: 'corrupt-upload'; readonly atByte: number }
  /** Limits the speed of the response's body. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number };

/** Chooses the fault of each request. Returns undefined if it is forwarded unchanged. */
export type Rule = (request: ProxiedRequest) => Fault | undefined;

/** `await using` closes it. */
export interface FaultProxy extends Pick<LocalServer, 'endpoint' | 'close'>, AsyncDisposable {
  rule: Rule;
  /** All requests so far. */
  readonly requests: readonly ProxiedRequest[];
  /** The names of their operations, in the order of arrival. */
  readonly operations: readonly string[];
}

/** Returns a rule that breaks the first `count` requests of an operation, or of any if it is undefined. */
export function firstTimes(count: number, operation: string | undefined, fault: Fault): Rule {
  let left = count;
  return request => {
    if (left === 0 || (operation !== undefined && request.operation !== operation)) return undefined;
    left--;
    return fault;
  };
}

/** Returns a rule that calls `cancel` at each request of an operation, which then has this fault. */
export function cancelAt(operation: string, cancel: AbortController, fault: Fault): Rule {
  return request => {
    if (request.operation !== operation) return undefined;
    cancel.abort();
    return fault;
  };
}

/** Starts a proxy to `target` (an http URL). */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const upstream = { host: hostname, port, agent: new http.Agent({ keepAlive: true }) };
  const requests: ProxiedRequest[] = [];
  const server = http.createServer((from, to) => {
    const request = describe(from, requests.length);
    requests.push(request);
    from.on('error', () => {});
    to.on('error', () => {});
    const fault = proxy.rule(request);
    if (fault?.kind === 'delay') setTimeout(() => forward(from, to, upstream, fault), fault.ms);
    else if (fault?.kind === 'hold') fault.until.finally(() => forward(from, to, upstream, fault));
    else if (fault?.kind === 'answer') answer(from, to, fault);
    else if (fault?.kind === 'reset' && !fault.served) from.socket.resetAndDestroy();
    else if (fault?.kind === 'stall-upload' || fault?.kind === 'cut-upload') breakUpload(from, fault);
    else if (fault?.kind !== 'silent') forward(from, to, upstream, fault);
  });
  // The client decides how long a connection may be idle
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const { endpoint, close: closeServer } = await listen(server);
  const close = async () => {
    upstream.agent.destroy();
    await closeServer();
  };
  const proxy: FaultProxy = {
    endpoint,
    requests,
    rule: () => undefined,
    get operations() {
      return requests.map(({ operation }) => operation);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return proxy;
}

type Upstream = { host: string; port: string; agent: http.Agent };

function forward(
  from: http.IncomingMessage,
  to: http.ServerResponse,
  upstream: Upstream,
  fault: Fault | undefined,
): void {
  const sent = http.request(
    {
      ...upstream,
      method: from.method ?? '',
      path: from.url ?? '',
      headers: pairs(from.rawHeaders),
      setHost: false,
    },
    served => {
      if (fault?.kind === 'reset') {
        served.resume().on('end', () => from.socket.resetAndDestroy());
        return;
      }
      to.writeHead(served.statusCode ?? 502, pairs(served.rawHeaders));
      // The head is sent at once, as by a server that is still reading the object
      to.flushHeaders();
      const through = bodyFault(fault, to);
      (through ? served.pipe(through) : served).pipe(to);
      served.on('error', () => from.socket.resetAndDestroy());
      // After a response that came before the whole request was sent, Node's client emits no `drain` (24.21): the pipe
      // would wait without end
      served.on('end', () => {
        if (!sent.writableFinished) sent.destroy();
      });
    },
  );
  sent.on('error', () => from.socket.resetAndDestroy());
  // The rest of such a body would block the connection's next request
  sent.on('close', () => from.unpipe().resume());
  from.on('close', () => {
    if (!from.complete) sent.destroy();
  });
  to.on('close', () => {
    if (!to.writableFinished) sent.destroy();
  });
  if (fault?.kind === 'corrupt-upload') from.pipe(inverting(fault.atByte)).pipe(sent);
  else from.pipe(sent);
}

function answer(
  from: http.IncomingMessage,
  to: http.ServerResponse,
  {
    status,
    body = '',
    headers,
  }: { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> },
): void {
  from
    .resume()
    .on('end', () =>
      to.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body),
    );
}

function breakUpload(
  from: http.IncomingMessage,
  fault: { readonly kind: 'stall-upload' | 'cut-upload'; readonly afterBytes: number },
): void {
  let seen = 0;
  from.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (seen < fault.afterBytes) return;
    if (fault.kind === 'cut-upload') from.socket.resetAndDestroy();
    else from.pause();
  });
}

/** Returns the stream that breaks a response's body. Returns undefined if the body passes unchanged. */
function bodyFault(fault: Fault | undefined, to: http.ServerResponse): Transform | undefined {
  let seen = 0;
  switch (fault?.kind) {
    case 'cut':
    case 'truncate':
    case 'stall':
      return new Transform({
        transform(chunk: Buffer, _encoding, next) {
          const left = fault.afterBytes - seen;
          seen += chunk.length;
          if (chunk.length < left) return next(null, chunk);
          this.push(chunk.subarray(0, left));
          // Without `next` nothing more is read. The reset waits until the bytes before it are sent
          if (fault.kind === 'cut') setTimeout(() => to.socket?.resetAndDestroy(), 20);
          if (fault.kind === 'truncate') setTimeout(() => to.socket?.destroySoon(), 20);
        },
      });
    case 'corrupt':
      return inverting(fault.atByte);
    case 'throttle':
      return new Transform({
        transform(chunk: Buffer, _encoding, next) {
          setTimeout(() => next(null, chunk), (chunk.length / fault.bytesPerSecond) * 1000);
        },
      });
    default:
      return undefined;
  }
}

/** Returns a stream that inverts one byte. */
function inverting(atByte: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      const at = atByte - seen;
      seen += chunk.length;
      if (at >= 0 && at < chunk.length) chunk[at] = ~(chunk[at] as number);
      next(null, chunk);
    },
  });
}

function pairs(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < rawHeaders.length; i += 2)
    headers[rawHeaders[i] as string] = rawHeaders[i + 1] as string;
  return headers;
}

function describe({ method = '', url = '', headers }: http.IncomingMessage, index: number): ProxiedRequest {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  const copied = headers['x-amz-copy-source'] !== undefined;
  return { method, url, index, operation: operationOf(method, query, copied), range: headers.range };
}
