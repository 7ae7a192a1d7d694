import http from 'node:http';
import { afterEach } from 'vitest';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { CallerOptions } from '../../../src/storage/s3/calls/caller.ts';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.ts';
import { listen } from '../../support/servers/listen.ts';
import { operationOf } from '../../support/servers/s3-operation.ts';
import { openStore, shortLimits } from './support.ts';

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
}

/** Chooses the answer to a request of this operation. */
type Script = (operation: string, request: http.IncomingMessage) => Answer | Promise<Answer>;

/** An answer in full, none at all, a reset of the connection, or whatever a function writes. */
type Answer = ScriptedAnswer | 'silent' | 'reset' | ((to: http.ServerResponse) => void);

export interface ScriptedServer {
  readonly endpoint: URL;
  /** `<operation> <path>`, in the order of arrival. */
  readonly requests: readonly string[];
  /** Their operations alone. */
  readonly operations: readonly string[];
  /** Opens a store of this server, with short limits once it has answered. */
  store(settings?: Partial<S3Settings>, options?: Partial<CallerOptions>): ObjectStore;
}

/** The first response may take long on a busy machine. */
const onceAnswered = { ...shortLimits, firstByteMs: 10_000, firstResponseMs: 20_000 };

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Starts an S3 server that answers by a script, for what a real one does too rarely. Ends with the test. */
export async function scriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: string[] = [];
  const operations: string[] = [];
  const server = http.createServer(async (from, to) => {
    const url = new URL(from.url ?? '', 'http://server');
    const operation = operationOf(from.method ?? '', url.searchParams, 'x-amz-copy-source' in from.headers);
    operations.push(operation);
    requests.push(`${operation} ${url.pathname}`);
    from.on('error', () => {});
    const answer = await script(operation, from);
    if (answer === 'silent') return;
    if (answer === 'reset') return void from.socket.resetAndDestroy();
    if (typeof answer === 'function') return answer(to);
    const { status = 200, headers = {}, body = '' } = answer;
    from.resume().on('end', () => {
      const length = { 'content-length': Buffer.byteLength(body) };
      to.writeHead(status, { ...(operation !== 'HeadObject' && length), ...headers }).end(body);
    });
  });
  const { endpoint: address, close } = await listen(server);
  closers.push(close);
  const endpoint = new URL(address);
  return {
    endpoint,
    requests,
    operations,
    store(settings, options) {
      const store = openStore({ endpoint, ...settings }, { timeLimits: onceAnswered, ...options });
      closers.push(() => store.close());
      return store;
    },
  };
}
