import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Transform } from 'node:stream';

/**
 * A proxy of ours between a client and a real S3 server, which breaks the requests a test picks. It forwards heads and
 * bodies as they are (Host included, so that signatures hold), and knows where a request begins and ends: a fault can
 * hit one Complete in the middle of a save.
 */

/** What the proxy saw of one request. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** 0 for the first request this proxy saw. */
  readonly index: number;
  /** S3's name of the operation, by method and query. */
  readonly operation: string;
  readonly range: string | undefined;
}

export type Fault =
  /** Forwarded after `ms` milliseconds. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Forwarded when something else has happened. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** Taken, not forwarded, never answered. */
  | { readonly kind: 'silent' }
  /** Answered by the proxy itself, not forwarded. */
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string }
  /** The connection is reset; `served`: after the server has done its work, whose answer is lost. */
  | { readonly kind: 'reset'; readonly served: boolean }
  /** The answer's body ends after so many bytes, by a reset of the connection. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The same by an orderly close of the connection. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** The answer's body stops after so many bytes; the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** One byte of the answer's body is inverted. */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  /** The request's body is read up to so many bytes, then no more; nothing is answered. */
  | { readonly kind: 'stall-upload'; readonly afterBytes: number }
  /** The connection is reset after so many bytes of the request's body. */
  | { readonly kind: 'cut-upload'; readonly afterBytes: number }
  /** One byte of the request's body is inverted. */
  | { readonly kind: 'corrupt-upload'; readonly atByte: number }
  /** The answer's body passes at this speed. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number };

/** Asked once for each request; undefined: forwarded as it is. */
export type Rule = (request: ProxiedRequest) => Fault | undefined;

export interface FaultProxy {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  rule: Rule;
  /** All requests so far. */
  readonly requests: readonly ProxiedRequest[];
  close(): Promise<void>;
}

/** The fault for the first `count` requests of this operation (any: undefined), then none. */
export function firstTimes(count: number, operation: string | undefined, fault: Fault): Rule {
  let left = count;
  return request => {
    if (left === 0 || (operation !== undefined && request.operation !== operation)) return undefined;
    left--;
    return fault;
  };
}

/** Starts a proxy to `target` (an http URL) on a free port of the loopback interface. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const upstream = { host: hostname, port, agent: new http.Agent({ keepAlive: true }) };
  const requests: ProxiedRequest[] = [];
  const sockets = new Set<Socket>();
  const proxy = { rule: (() => undefined) as Rule };

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
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  // A test decides how long a connection may idle.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get rule() {
      return proxy.rule;
    },
    set rule(rule) {
      proxy.rule = rule;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      upstream.agent.destroy();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
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
      // The head leaves at once, as from a server that is still reading the object.
      to.flushHeaders();
      const through = bodyFault(fault, to);
      (through ? served.pipe(through) : served).pipe(to);
      served.on('error', () => from.socket.resetAndDestroy());
      // Answered before the body was through: after that Node's client says `drain` no more (24.21), so the pipe would
      // wait for ever
      served.on('end', () => {
        if (!sent.writableFinished) sent.destroy();
      });
    },
  );
  sent.on('error', () => from.socket.resetAndDestroy());
  // What is left of such a body would stand in the way of the connection's next request
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
  { status, body = '' }: { readonly status: number; readonly body?: string },
): void {
  from
    .resume()
    .on('end', () => to.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body));
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

/** The stream that breaks an answer's body; undefined: it passes. */
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
          // Without `next` nothing more is read. The reset waits until what was let through is on its way.
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

/** Passes everything on with one byte inverted. */
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

/** S3's name of an operation. */
export function operationOf(method: string, query: URLSearchParams, copied: boolean): string {
  if (query.has('partNumber') && method === 'PUT') return copied ? 'UploadPartCopy' : 'UploadPart';
  if (query.has('uploadId')) {
    const ofUpload = { POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload', GET: 'ListParts' };
    return ofUpload[method as keyof typeof ofUpload] ?? method;
  }
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : 'ListMultipartUploads';
  if (query.has('list-type')) return 'ListObjectsV2';
  return { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' }[method] ?? method;
}
