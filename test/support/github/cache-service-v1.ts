import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listen } from '../servers/listen.ts';

/**
 * A stand-in for version 1 of GitHub's cache service, which GitHub Enterprise Server has: it stores the archives itself
 * and knows exact keys only.
 */
export interface CacheServiceV1 {
  /** For ACTIONS_CACHE_URL; ends in a slash. */
  readonly url: string;
  /** Requests so far: `POST caches`. */
  readonly calls: readonly string[];
  /** Responds to every call with this status, or returns this key for each entry found, from now on. */
  behave(behaviour: { readonly status: number } | { readonly matchedKey: string }): void;
  stop(): Promise<void>;
}

interface Entry {
  readonly key: string;
  readonly version: string;
  readonly chunks: Buffer[];
  committed: boolean;
}

const API = '/_apis/artifactcache/';

export async function startCacheServiceV1(): Promise<CacheServiceV1> {
  const entries: Entry[] = [];
  const calls: string[] = [];
  let forced: { readonly status?: number; readonly matchedKey?: string } = {};
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    const call = `${request.method} ${url.pathname.replace(API, '')}`;
    calls.push(call);
    const body = await buffer(request);
    const reply =
      forced.status === undefined
        ? replyTo(call, { url, body, entries, matchedKey: forced.matchedKey })
        : { status: forced.status, json: { message: `failed with ${forced.status}` } };
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(reply.bytes ?? (reply.json && JSON.stringify(reply.json)));
  });
  const { endpoint, close } = await listen(server);
  return {
    url: `${endpoint}/`,
    calls,
    behave(behaviour) {
      forced = behaviour;
    },
    stop: close,
  };
}

interface Reply {
  readonly status: number;
  readonly json?: object;
  readonly bytes?: Buffer;
}

interface Call {
  readonly url: URL;
  readonly body: Buffer;
  readonly entries: Entry[];
  readonly matchedKey: string | undefined;
}

function replyTo(call: string, { url, body, entries, matchedKey }: Call): Reply {
  if (call === 'GET cache') {
    const keys = (url.searchParams.get('keys') ?? '').split(',');
    const version = url.searchParams.get('version');
    const found = entries.findIndex(
      one => one.committed && keys.includes(one.key) && one.version === version,
    );
    if (found === -1) return { status: 204 };
    const archiveLocation = `${url.origin}${API}artifacts/${found + 1}`;
    return { status: 200, json: { archiveLocation, cacheKey: matchedKey ?? entries[found]?.key } };
  }
  if (call === 'POST caches') {
    const { key, version } = JSON.parse(body.toString()) as Entry;
    if (entries.some(one => one.key === key && one.version === version))
      return { status: 409, json: { message: 'Cache already exists.' } };
    const cacheId = entries.push({ key, version, chunks: [], committed: false });
    return { status: 201, json: { cacheId } };
  }
  const entry = entries[Number(/\/(\d+)$/.exec(call)?.[1]) - 1];
  if (entry === undefined) return { status: 404 };
  if (call.startsWith('GET ')) return { status: 200, bytes: Buffer.concat(entry.chunks) };
  if (call.startsWith('PATCH ')) entry.chunks.push(body);
  else entry.committed = true;
  return { status: 204 };
}
