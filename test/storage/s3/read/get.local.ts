import { readdirSync } from 'node:fs';
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WorkerPool } from '../../../../src/archive/pool/worker-pool.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { Transport } from '../../../../src/storage/s3/transport/transport.ts';
import { StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { incompressible } from '../../../support/random.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../../../support/servers/fault-proxy.ts';
import { type MemoryServer, startMemoryServer } from '../../../support/servers/memory-server.ts';
import type { Quirks } from '../../../support/servers/memory-store.ts';
import { MiB } from '../../../support/sizes.ts';
import { buildTree, describeTree, type TreeSpec } from '../../../support/tree.ts';
import type { CacheJob } from '../../incremental/job.ts';
import { type Jobs, jobsOf } from '../../incremental/jobs.ts';
import { createS3Settings, openStore, shortLimits } from '../support.ts';

/** Several ranges of data that does not compress, in files over the size of a slice and below. */
const spec: TreeSpec = {
  'tree/large': { content: incompressible(11 * MiB, 'large') },
  'tree/small': { content: incompressible(3 * MiB, 'small') },
  'tree/empty': '',
};

let server: MemoryServer;
let proxy: FaultProxy;
let all: Jobs;
/** The tree, its object and the object's name, from the first save. */
let saved: { readonly tree: unknown; readonly name: string; readonly object: Buffer } | undefined;
const stores: ObjectStore[] = [];

/** Starts a server that holds the saved tree. */
async function serve(quirks: Quirks = {}): Promise<void> {
  server = await startMemoryServer(quirks);
  all = jobsOf(open(server.endpoint));
  if (saved) {
    const body = new Uint8Array(saved.object);
    await fetch(`${server.endpoint}/bucket/${saved.name}`, { method: 'PUT', body });
    return;
  }
  const job = all.job();
  await buildTree(job.workspace, spec);
  await job.saveInFull('k');
  saved = {
    tree: await describeTree(job.workspace),
    name: job.objectName('k'),
    object: await job.read('k'),
  };
}

/** A busy machine may not let a worker run for a second. */
const timeLimits = { ...shortLimits, firstByteMs: 10_000, firstResponseMs: 20_000, idleTimeoutMs: 2000 };

function open(endpoint: string, environment = {}): ObjectStore {
  const store = openStore({ endpoint: new URL(endpoint), environment }, { timeLimits });
  stores.push(store);
  return store;
}

beforeEach(async () => {
  await serve();
  proxy = await startFaultProxy(server.endpoint);
});
afterEach(async () => {
  await proxy.close();
  await server.close();
  for (const store of stores.splice(0)) store.close();
});

/** Applies a fault to the first read of data: the read before it is that of the object's end. */
function breakFirstRead(fault: Fault): void {
  let isBroken = false;
  proxy.rule = ({ operation, range }) => {
    if (operation !== 'GetObject' || range?.startsWith('bytes=-') || isBroken) return undefined;
    isBroken = true;
    return fault;
  };
}

/** Returns the ranges of the reads that followed that of the object's end. */
function dataRanges(): (string | undefined)[] {
  return proxy.requests.filter(({ range }) => !range?.startsWith('bytes=-')).map(({ range }) => range);
}

async function expectRestored(job: CacheJob): Promise<void> {
  expect(await job.restore('k')).toMatchObject({ kind: 'hit' });
  expect(await describeTree(job.workspace)).toEqual(saved!.tree);
}

test('a restore reads its data in the workers, and counts their bytes and requests', async () => {
  const store = open(proxy.endpoint);
  const job = all.job({ store });
  const sent = vi.spyOn(Transport.prototype, 'send');
  await expectRestored(job);
  expect(dataRanges().length).toBeGreaterThan(1);
  expect(sent).toHaveBeenCalledTimes(1);
  expect(store.counters).toEqual({ requests: 1 + dataRanges().length, retries: 0 });
  expect(job.transferred).toBeGreaterThan(saved!.object.length - 1024);
});

test('each request of a worker has a signature in its headers and none in its address', async () => {
  const seen: http.IncomingHttpHeaders[] = [];
  const proxy = http.createServer((from, to) => {
    seen.push(from.headers);
    from.pipe(
      http.request(server.endpoint + from.url, { method: from.method, headers: from.headers }, answer => {
        to.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(to);
      }),
    );
    expect(from.url).not.toMatch(/Signature/i);
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  await expectRestored(all.job({ store: open(`http://127.0.0.1:${port}`) }));
  proxy.closeAllConnections();
  proxy.close();
  expect(seen.length).toBeGreaterThan(2);
  for (const { authorization, 'if-match': condition } of seen.slice(1)) {
    expect(authorization).toContain('AWS4-HMAC-SHA256');
    expect(condition).toMatch(/^"[0-9a-f-]+"$/);
  }
});

test.each<[string, Fault]>([
  ['cut', { kind: 'truncate', afterBytes: 3 * MiB }],
  ['stalled', { kind: 'stall', afterBytes: 3 * MiB }],
])('a read of a worker that is %s continues from its last byte', async (_, fault) => {
  const store = open(proxy.endpoint);
  breakFirstRead(fault);
  await expectRestored(all.job({ store }));
  const ranges = dataRanges();
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(ranges[0]!)!;
  const rest = ranges.slice(1).find(range => range!.endsWith(`-${end}`))!;
  const from = Number(/^bytes=(\d+)-/.exec(rest)![1]);
  expect(from).toBeGreaterThan(Number(start));
  expect(from).toBeLessThanOrEqual(Number(start) + 3 * MiB);
  expect(store.counters.retries).toBe(1);
});

test.each<[string, Fault]>([
  ['503', { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' }],
  ['a reset', { kind: 'reset', served: false }],
  ['no response', { kind: 'silent' }],
])('a read of a worker that gets %s is repeated', async (_, fault) => {
  const store = open(proxy.endpoint);
  breakFirstRead(fault);
  await expectRestored(all.job({ store }));
  expect(store.counters.retries).toBe(1);
});

test('a read of a worker that gets 412 makes the restore start over', async () => {
  breakFirstRead({ kind: 'answer', status: 412, body: '<Error><Code>PreconditionFailed</Code></Error>' });
  await expectRestored(all.job({ store: open(proxy.endpoint) }));
  expect(proxy.requests.filter(({ range }) => range?.startsWith('bytes=-'))).toHaveLength(2);
});

test.each<[string, Fault, object]>([
  ['other bytes', { kind: 'corrupt', atByte: 1000 }, { rejected: [{ kind: 'damaged' }] }],
  [
    'a whole object instead of a range',
    { kind: 'answer', status: 200, body: 'x'.repeat(100) },
    {
      kind: 'unavailable',
      error: { message: expect.stringContaining('the endpoint does not serve ranges') },
    },
  ],
  [
    'a web page',
    {
      kind: 'answer',
      status: 200,
      body: '<html>Please log in</html>',
      headers: { 'content-type': 'text/html' },
    },
    {
      kind: 'refused',
      error: {
        settings: [{ input: 'endpoint' }],
        message: expect.stringContaining('the response is a web page'),
      },
    },
  ],
  [
    'a refusal',
    { kind: 'answer', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' },
    { kind: 'refused', error: { settings: ["the bucket's policy"] } },
  ],
  [
    'a refusal with an endless body',
    { kind: 'answer', status: 403, body: 'x'.repeat(100_000) },
    { kind: 'refused' },
  ],
])('a worker that gets %s ends the restore, and the tree is as before', async (_, fault, outcome) => {
  breakFirstRead(fault);
  const job = all.job({ store: open(proxy.endpoint) });
  expect(await job.restore('k')).toMatchObject(outcome);
  expect(readdirSync(job.workspace)).toEqual([]);
});

test('an abort ends a restore while its workers read', async () => {
  const controller = new AbortController();
  proxy.rule = ({ range }) => {
    if (range?.startsWith('bytes=-')) return undefined;
    controller.abort(new Error('cancelled'));
    return { kind: 'stall', afterBytes: 1000 };
  };
  const job = all.job({ store: open(proxy.endpoint) });
  expect(await job.restore('k', { signal: controller.signal })).toEqual({ kind: 'cancelled' });
  expect(readdirSync(job.workspace)).toEqual([]);
});

test('workers use the proxy of the environment, with the name of the endpoint', async () => {
  const environment = { http_proxy: proxy.endpoint };
  await expectRestored(all.job({ store: open('http://storage.invalid', environment) }));
  expect(dataRanges().length).toBeGreaterThan(1);
  for (const { url } of proxy.requests) expect(url).toMatch(/^http:\/\/storage\.invalid\//);
});

describe('a worker that', () => {
  const span = { start: 0, end: 1000 };
  let pool: WorkerPool;
  afterEach(() => pool.close());

  function readWith(body: string, stalledMs: number): { store: ObjectStore; reading: Promise<unknown> } {
    const store = openStore(
      { ...createS3Settings({ endpoint: new URL(server.endpoint) }) },
      { timeLimits: { ...timeLimits, stalledMs } },
    );
    stores.push(store);
    const script = `import { parentPort } from 'node:worker_threads'; parentPort.on('message', message => { ${body} });`;
    pool = new WorkerPool(new URL(`data:text/javascript,${encodeURIComponent(script)}`), 1);
    const buffer = pool.reserve(1000);
    // The first response lifts the limits of an endpoint that may be dead
    const reading = store.head('other').then(() => store.workerReads!.fetchRange('object', span, buffer, {}));
    return { store, reading };
  }

  test('hangs is given up like an endpoint without progress', async () => {
    const { reading } = readWith('', 2000);
    await expect(reading).rejects.toThrow(StoreUnavailableError);
    await expect(reading).rejects.toThrow('no progress within 2 s');
  });

  test('ends in the middle of a read is no failure of the endpoint', async () => {
    const { store, reading } = readWith('process.exit(3);', 20_000);
    await expect(reading).rejects.toThrow('a worker thread ended with code 3');
    expect(await store.head('other')).toBeUndefined();
    expect(store.counters.retries).toBe(0);
  });

  test('is busy with a job for longer than the limit is not given up', async () => {
    const answer = { head: { status: 404, headers: {}, reason: undefined } };
    const { reading } = readWith(
      `if ('ticket' in message) setTimeout(() => {
        parentPort.postMessage({ id: message.id, bytes: 0, end: { answer: ${JSON.stringify(answer)} } });
      }, 5000);`,
      2000,
    );
    // Its thread has a job that it does not answer
    const buffer = pool.reserve(1);
    const job = buffer.run({ kind: 'unpack', bytes: new Uint8Array(0) } as never).catch(error => error);
    expect(await reading).toBeUndefined();
    await pool.close();
    expect(await job).toMatchObject({ message: 'the worker pool is closed' });
  });
});

describe.each<[string, Quirks]>([
  ['drops lengths', { chunked: true }],
  ['weakens ETags', { weakEtags: true }],
])('a reverse proxy that %s', (_, quirks) => {
  test('serves the reads of workers', async () => {
    await server.close();
    await serve(quirks);
    await expectRestored(all.job({ store: open(server.endpoint) }));
  });
});
