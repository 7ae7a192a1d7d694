import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type LocalServer, listen } from './listen.ts';
import { emptyContent, type MemoryContent, MemoryStore, type Quirks } from './memory-store.ts';
import { operationOf } from './s3-operation.ts';

/** Responds to a request in place of the server. The body of the request has not been read. */
export type Takeover = (from: http.IncomingMessage, to: http.ServerResponse) => void;

/** Refuses a request, once it has read the body, with this status and code of S3. */
export function refusal(status: number, code?: string): Takeover {
  const body = code === undefined ? '' : `<Error><Code>${code}</Code></Error>`;
  return (from, to) => void from.resume().on('end', () => to.writeHead(status).end(body));
}

/** A small S3 server with one bucket in memory. It checks no signature. */
export interface MemoryServer extends LocalServer {
  /** Operations in the order of arrival. */
  readonly operations: string[];
  readonly content: MemoryContent;
  /** Called for each request. Returns undefined if the server responds. */
  takeover: (operation: string, from: http.IncomingMessage) => Takeover | undefined;
}

/** Starts a server with a copy of `content`. */
export async function startMemoryServer(
  quirks: Quirks = {},
  content: MemoryContent = emptyContent(),
): Promise<MemoryServer> {
  const store = new MemoryStore(quirks, content);
  const operations: string[] = [];
  let lost = false;
  const server = http.createServer(async (from, to) => {
    const { pathname, searchParams } = new URL(from.url ?? '', 'http://server');
    const isSts = from.method === 'POST' && pathname === '/';
    const operation = isSts
      ? 'AssumeRoleWithWebIdentity'
      : operationOf(from.method ?? '', searchParams, 'x-amz-copy-source' in from.headers);
    operations.push(operation);
    const takeover = memory.takeover(operation, from);
    if (takeover) return takeover(from, to);
    const sent = await buffer(from).catch(() => undefined);
    if (!sent) return;
    const { status = 200, headers = {}, body = '' } = store.reply(operation, from, sent);
    if (operation === quirks.loses && !lost) {
      lost = true;
      from.socket.resetAndDestroy();
      return;
    }
    const length =
      quirks.chunked && /^(?:Head|Get)Object$/.test(operation) ? {} : { 'content-length': body.length };
    to.writeHead(status, { ...length, ...headers, date: new Date().toUTCString() });
    to.end(from.method === 'HEAD' ? undefined : body);
  });
  const memory: MemoryServer = {
    ...(await listen(server)),
    operations,
    content: store.content,
    takeover: () => undefined,
  };
  return memory;
}
