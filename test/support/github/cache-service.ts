import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { UPGRADE, writeForever } from '../servers/hostile-socket.ts';
import { listen } from '../servers/listen.ts';

/**
 * A stand-in for GitHub's cache service, version 2: the three methods that `@actions/cache` calls, in the JSON of
 * their protocol, with GitHub's rules of matching. The archives are in a blob store, of which the stand-in returns
 * addresses.
 */
export interface CacheService {
  /** For ACTIONS_RESULTS_URL; ends in a slash. */
  readonly url: string;
  /** Names of the methods called so far. */
  readonly calls: readonly string[];
  readonly entries: readonly CacheEntry[];
  /** Sets how the service responds from now on. */
  behave(behaviour: Behaviour): void;
  stop(): Promise<void>;
}

interface CacheEntry {
  readonly id: number;
  readonly key: string;
  readonly version: string;
  readonly blob: string;
  /** Undefined while the entry is only reserved. */
  sizeBytes: number | undefined;
}

/**
 * - `silent`: accepts requests and never responds
 * - `status`: responds to every call with it and with `message` (default: `try again later`)
 * - `denied`: refuses by policy
 * - `notOk`: refuses with a text of its own
 * - `upgrade`: responds with 101 Switching Protocols
 * - `endless`: responds with success and a body without end
 * - `matchedKey`: returns this key for each entry that it finds
 * - `blobUrl`: returns this address for each archive to read or to write
 */
export type Behaviour =
  | 'normal'
  | 'silent'
  | 'denied'
  | 'upgrade'
  | 'endless'
  | { readonly status: number; readonly message?: string }
  | { readonly notOk: string }
  | { readonly matchedKey: string }
  | { readonly blobUrl: string };

export interface CacheServiceOptions {
  readonly signedUrl: (blob: string, permissions: 'r' | 'cw') => string;
}

const PREFIX = '/twirp/github.actions.results.api.v1.CacheService/';

type Message = Readonly<Record<string, unknown>>;
type Reply = { status: number; body: Message };

export async function startCacheService(options: CacheServiceOptions): Promise<CacheService> {
  const calls: string[] = [];
  const table = entryTable(options);
  let behaviour: Behaviour = 'normal';
  const server = createServer(async (request, response) => {
    const message = await readJson(request);
    const method = request.url?.startsWith(PREFIX) ? request.url.slice(PREFIX.length) : '';
    calls.push(method);
    const reply = misbehave(behaviour, method, response) ?? table.call(method, message);
    if (reply !== 'sent') send(response, reply, behaviour);
  });
  const { endpoint, close } = await listen(server);
  return {
    url: `${endpoint}/`,
    calls,
    entries: table.entries,
    behave(next) {
      behaviour = next;
    },
    stop: close,
  };
}

/** Returns the reply that a behaviour forces. Returns undefined if the call is carried out. */
function misbehave(
  behaviour: Behaviour,
  method: string,
  response: ServerResponse,
): Reply | 'sent' | undefined {
  if (behaviour === 'normal') return undefined;
  if (behaviour === 'silent') return 'sent';
  if (behaviour === 'upgrade') {
    response.socket?.write(UPGRADE);
    return 'sent';
  }
  if (behaviour === 'endless') {
    sendEndless(response);
    return 'sent';
  }
  if (behaviour === 'denied') {
    if (!method.startsWith('Get'))
      return { status: 200, body: { ok: false, message: 'cache write denied: read-only token' } };
    return { status: 403, body: { code: 'permission_denied', msg: 'cache read denied: no readable scopes' } };
  }
  if ('notOk' in behaviour) return { status: 200, body: { ok: false, message: behaviour.notOk } };
  if ('matchedKey' in behaviour || 'blobUrl' in behaviour) return undefined;
  return {
    status: behaviour.status,
    body: { code: 'unavailable', msg: behaviour.message ?? 'try again later' },
  };
}

/** Sends a status and a body that ends only with the connection. */
export function sendEndless(response: ServerResponse, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  writeForever(response, ' ');
}

/** Returns a table of entries, oldest first, with the three methods that read and change it. */
function entryTable(options: CacheServiceOptions) {
  const entries: CacheEntry[] = [];

  function create({ key, version }: Message): Reply {
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

  function finalize({ key, version, size_bytes }: Message): Reply {
    const entry = entries.find(one => one.key === key && one.version === version);
    if (entry === undefined) return { status: 404, body: { code: 'not_found', msg: 'no such entry' } };
    entry.sizeBytes = Number(size_bytes);
    return { status: 200, body: { ok: true, entry_id: String(entry.id) } };
  }

  /** Finds the exact key, else the newest entry of the first key that is a prefix of it. */
  function find({ key, restore_keys, version }: Message): Reply {
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
    call(method: string, message: Message): Reply {
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

function send(response: ServerResponse, { status, body }: Reply, behaviour: Behaviour): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...body, ...changes(behaviour, body) }));
}

/** Returns the fields that a behaviour changes in a reply. */
function changes(behaviour: Behaviour, body: Message): Message {
  if (typeof behaviour !== 'object') return {};
  if ('matchedKey' in behaviour && 'matched_key' in body) return { matched_key: behaviour.matchedKey };
  if (!('blobUrl' in behaviour)) return {};
  const addresses = Object.keys(body).filter(name => /^signed_(?:up|down)load_url$/.test(name));
  return Object.fromEntries(addresses.map(name => [name, behaviour.blobUrl]));
}
