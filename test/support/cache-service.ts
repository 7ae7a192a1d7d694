import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A stand-in for GitHub's cache service, version 2: the three calls that `@actions/cache` makes, in the JSON of
 * their protocol, with GitHub's rules of matching. The archives themselves lie in a blob store; the stand-in only
 * hands out addresses.
 */
export interface CacheService {
  /** For ACTIONS_RESULTS_URL; ends in a slash. */
  readonly url: string;
  /** What was asked so far, by method name. */
  readonly calls: readonly string[];
  readonly entries: readonly CacheEntry[];
  /** How to answer from now on. */
  behave(behaviour: Behaviour): void;
  stop(): Promise<void>;
}

export interface CacheEntry {
  readonly id: number;
  readonly key: string;
  readonly version: string;
  readonly blob: string;
  /** undefined: reserved, not yet whole. */
  sizeBytes: number | undefined;
}

/**
 * `normal`; `silent`: accepts and never answers; a status answers every call with it; `denied`: refuses by policy;
 * `not ok`: a refusal with a text of its own.
 */
export type Behaviour = 'normal' | 'silent' | 'denied' | { status: number } | { notOk: string };

export interface CacheServiceOptions {
  readonly signedUrl: (blob: string, permissions: 'r' | 'cw') => string;
}

const PREFIX = '/twirp/github.actions.results.api.v1.CacheService/';

type Message = Readonly<Record<string, unknown>>;
type Answer = { status: number; body: Message };

export async function startCacheService(options: CacheServiceOptions): Promise<CacheService> {
  const calls: string[] = [];
  const table = entryTable(options);
  let behaviour: Behaviour = 'normal';
  const server = createServer(async (request, response) => {
    const message = await readJson(request);
    const method = request.url?.startsWith(PREFIX) ? request.url.slice(PREFIX.length) : '';
    calls.push(method);
    const answer = misbehave(behaviour, method) ?? table.answer(method, message);
    if (answer !== 'nothing') send(response, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    entries: table.entries,
    behave(next) {
      behaviour = next;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function misbehave(behaviour: Behaviour, method: string): Answer | 'nothing' | undefined {
  if (behaviour === 'normal') return undefined;
  if (behaviour === 'silent') return 'nothing';
  if (behaviour === 'denied') {
    const what = method.startsWith('Get') ? 'read' : 'write';
    if (what === 'write')
      return { status: 200, body: { ok: false, message: 'cache write denied: read-only token' } };
    return { status: 403, body: { code: 'permission_denied', msg: 'cache read denied: no readable scopes' } };
  }
  if ('notOk' in behaviour) return { status: 200, body: { ok: false, message: behaviour.notOk } };
  return { status: behaviour.status, body: { code: 'unavailable', msg: 'try again later' } };
}

/** The entries, oldest first, and what the three calls do with them. */
function entryTable(options: CacheServiceOptions) {
  const entries: CacheEntry[] = [];

  function create({ key, version }: Message): Answer {
    if (entries.some(entry => entry.key === key && entry.version === version)) {
      const msg = 'cache entry with the same key, version, and scope already exists';
      return { status: 409, body: { code: 'already_exists', msg } };
    }
    const id = entries.length + 1;
    const entry = {
      id,
      key: String(key),
      version: String(version),
      blob: `entry-${id}`,
      sizeBytes: undefined,
    };
    entries.push(entry);
    return { status: 200, body: { ok: true, signed_upload_url: options.signedUrl(entry.blob, 'cw') } };
  }

  function finalize({ key, version, size_bytes }: Message): Answer {
    const entry = entries.find(one => one.key === key && one.version === version);
    if (entry === undefined) return { status: 404, body: { code: 'not_found', msg: 'no such entry' } };
    entry.sizeBytes = Number(size_bytes);
    return { status: 200, body: { ok: true, entry_id: String(entry.id) } };
  }

  /** The exact key first, then each key as a prefix; of several the newest. */
  function find({ key, restore_keys, version }: Message): Answer {
    const whole = entries.filter(entry => entry.version === version && entry.sizeBytes !== undefined);
    const prefixes = [String(key), ...((restore_keys as string[] | undefined) ?? [])];
    const match =
      whole.find(entry => entry.key === key) ??
      prefixes.map(prefix => whole.findLast(entry => entry.key.startsWith(prefix))).find(entry => entry);
    if (match === undefined) return { status: 200, body: { ok: false } };
    const address = options.signedUrl(match.blob, 'r');
    return { status: 200, body: { ok: true, signed_download_url: address, matched_key: match.key } };
  }

  return {
    entries,
    answer(method: string, message: Message): Answer {
      if (method === 'CreateCacheEntry') return create(message);
      if (method === 'FinalizeCacheEntryUpload') return finalize(message);
      if (method === 'GetCacheEntryDownloadURL') return find(message);
      return { status: 404, body: { code: 'bad_route', msg: `no method ${method}` } };
    },
  };
}

async function readJson(request: IncomingMessage): Promise<Message> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : (JSON.parse(text) as Message);
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer.body));
}
