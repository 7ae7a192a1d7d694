import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../../src/report/log.ts';
import {
  ObjectExistsError,
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../src/storage/errors.ts';
import type { ObjectStore, Upload } from '../../../src/storage/object-store.ts';
import { type Fault, type FaultProxy, firstTimes, startFaultProxy } from '../../support/fault-proxy.ts';
import { type BucketAccess, gateway, newBucket } from '../../support/gateway.ts';
import { settingsFor, storeFor } from './gateway-store.ts';
import { shortLimits } from './support.ts';

const MiB = 1024 * 1024;
const content = randomBytes(12 * MiB);
/** A real gateway may have other work for a second: what a fault has to outlast is longer than that. */
const limits = {
  ...shortLimits,
  connectMs: 2000,
  firstByteMs: 2000,
  firstAnswerMs: 6000,
  idleMs: 2000,
  serverWorkMs: 5000,
};
let bucket: BucketAccess;
let proxy: FaultProxy;
const stores: ObjectStore[] = [];

/** A store behind the proxy. */
function proxied(attempts = 5): ObjectStore {
  const store = storeFor(bucket, { endpoint: new URL(proxy.endpoint), attempts }, { timeLimits: limits });
  stores.push(store);
  return store;
}

/** A store that nothing disturbs. */
function direct(): ObjectStore {
  const store = storeFor(bucket);
  stores.push(store);
  return store;
}

async function begin(store: ObjectStore, name: string, onlyIfAbsent = true): Promise<Upload> {
  const upload = store.createUpload(name, { partSizeBytes: 5 * MiB, onlyIfAbsent });
  await upload.write(Uint8Array.from(content));
  return upload;
}

async function stored(name: string): Promise<boolean> {
  const answer = await direct().getRange(name, { start: 0, end: content.length + 1 });
  return answer !== undefined && Buffer.compare(answer.bytes, content) === 0;
}

const operations = () => proxy.requests.map(({ operation }) => operation);

beforeAll(async () => {
  bucket = await newBucket('faults');
  const upload = await begin(direct(), 'object');
  await upload.complete();
});
afterEach(async () => {
  await proxy?.close();
  for (const store of stores.splice(0)) store.close();
});
afterAll(async () => {
  const store = storeFor(bucket);
  expect(await store.abortStale('', 0)).toBe(0);
  store.close();
});

describe('a read', () => {
  const half: Fault = { kind: 'cut', afterBytes: 5_000_000 };

  test.each<[string, Fault]>([
    ['cut', half],
    ['stalled', { kind: 'stall', afterBytes: 5_000_000 }],
  ])('that is %s is continued from its last byte', async (_, fault) => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = firstTimes(1, 'GetObject', fault);
    const answer = await proxied().getRange('object', { start: 1000, end: content.length });
    expect(Buffer.compare(answer?.bytes ?? Buffer.of(), content.subarray(1000))).toBe(0);
    const [first, second] = proxy.requests;
    expect(first?.range).toBe(`bytes=1000-${content.length - 1}`);
    const from = Number(/^bytes=(\d+)-/.exec(second?.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(1000);
    expect(from).toBeLessThanOrEqual(1000 + 5_000_000);
  });

  test('whose body breaks off without a byte is repeated', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = firstTimes(2, 'GetObject', { kind: 'cut', afterBytes: 0 });
    const answer = await proxied().getRange('object', { suffix: 100 });
    expect(Buffer.from(answer?.bytes ?? [])).toEqual(content.subarray(-100));
    expect(proxy.requests).toHaveLength(3);
  });

  test('that breaks off again and again goes on as long as it gets on', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = () => ({ kind: 'cut', afterBytes: 1_500_000 });
    const store = proxied(3);
    const answer = await store.getRange('object', { start: 0, end: content.length });
    expect(Buffer.compare(answer?.bytes ?? Buffer.of(), content)).toBe(0);
    expect(store.counters.retries).toBeGreaterThan(2);
  });

  test('whose object is replaced between two attempts is not joined from both', async () => {
    const write = async () => {
      const upload = direct().createUpload('changing', { partSizeBytes: 16 * MiB, onlyIfAbsent: false });
      await upload.write(randomBytes(12 * MiB));
      await upload.complete();
    };
    await write();
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = firstTimes(1, 'GetObject', half);
    const reading = proxied().getRange(
      'changing',
      { start: 0, end: 12 * MiB },
      { onBytes: once => void once },
    );
    await expect.poll(() => proxy.requests.length).toBe(1);
    await write();
    await expect(reading).rejects.toThrow(ObjectReplacedError);
  });

  test('ends at once with the reason of its signal', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = () => ({ kind: 'stall', afterBytes: 1000 });
    const controller = new AbortController();
    const reading = proxied().getRange(
      'object',
      { suffix: 1_000_000 },
      { signal: controller.signal, onBytes: () => controller.abort(new Error('cancelled')) },
    );
    await expect(reading).rejects.toThrow('cancelled');
    expect(proxy.requests).toHaveLength(1);
  });
});

describe('a burst of', () => {
  test.each([429, 500, 502, 503])('%i is sat out, on every call', async status => {
    proxy = await startFaultProxy(gateway().endpoint);
    const once = new Set<string>();
    proxy.rule = ({ operation }) => {
      if (once.has(operation)) return undefined;
      once.add(operation);
      return { kind: 'answer', status };
    };
    const store = proxied();
    const name = `burst-${status}`;
    const upload = await begin(store, name);
    await upload.complete();
    for await (const info of store.list(name)) expect(info.sizeBytes).toBe(content.length);
    expect(await stored(name)).toBe(true);
    expect(await store.abortStale(name, 0)).toBe(0);
    expect(store.counters.retries).toBe(once.size);
  });

  test('503 that does not end gives the endpoint up: no call follows', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = () => ({ kind: 'answer', status: 503 });
    const store = proxied(2);
    await expect(store.head('object')).rejects.toThrow(StoreUnavailableError);
    expect(proxy.requests).toHaveLength(2);
    await expect(store.head('object')).rejects.toThrow(/503.*HeadObject not tried/);
    await expect(store.getRange('object', { suffix: 1 })).rejects.toThrow(StoreUnavailableError);
    expect(proxy.requests).toHaveLength(2);
  });

  test.each<[string, Fault]>([
    ['503', { kind: 'answer', status: 503 }],
    ['a reset', { kind: 'reset', served: false }],
  ])('%s ends a glance at once, and no other call pays for it', async (_, fault) => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = request => (request.operation === 'ListObjectsV2' ? fault : undefined);
    const store = proxied();
    const glance = async () => {
      for await (const info of store.list('', { glance: true })) expect.unreachable(info.name);
    };
    await expect(glance()).rejects.toThrow(StoreUnavailableError);
    expect(proxy.requests).toHaveLength(1);
    expect(await store.head('object')).toBeDefined();
  });

  test.each([400, 404, 405])('%i is final', async status => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = request => (request.operation === 'ListObjectsV2' ? { kind: 'answer', status } : undefined);
    const listing = async () => {
      for await (const info of proxied().list('')) expect.unreachable(info.name);
    };
    await expect(listing()).rejects.toThrow(StoreRefusedError);
    expect(proxy.requests).toHaveLength(1);
  });
});

describe('an upload', () => {
  test.each<[string, Fault]>([
    ['reset', { kind: 'reset', served: false }],
    ['stored, its answer lost', { kind: 'reset', served: true }],
    ['cut', { kind: 'cut-upload', afterBytes: 1_000_000 }],
    ['stalled', { kind: 'stall-upload', afterBytes: 1_000_000 }],
  ])('whose parts are %s ends well', async (label, fault) => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = firstTimes(3, 'UploadPart', fault);
    const upload = await begin(proxied(), `parts ${label}`);
    await upload.complete();
    expect(await stored(`parts ${label}`)).toBe(true);
  });

  test.each<[string, number, Fault]>([
    ['is lost on its way back', 1, { kind: 'reset', served: true }],
    ['is a silence after the work', 1, { kind: 'stall', afterBytes: 0 }],
    ['breaks off', 1, { kind: 'cut', afterBytes: 10 }],
    ['is a 500 before the work', 2, { kind: 'answer', status: 500 }],
    ['is a reset before the work', 2, { kind: 'reset', served: false }],
  ])(
    'whose answer to Complete %s is looked for by its save-id: %i Complete in all',
    async (label, count, fault) => {
      proxy = await startFaultProxy(gateway().endpoint);
      proxy.rule = firstTimes(1, 'CompleteMultipartUpload', fault);
      const upload = await begin(proxied(), `complete ${label}`);
      expect(await upload.complete()).toMatchObject({ sizeBytes: content.length });
      expect(await stored(`complete ${label}`)).toBe(true);
      expect(operations().filter(operation => operation === 'CompleteMultipartUpload')).toHaveLength(count);
      const after = operations().slice(operations().indexOf('CompleteMultipartUpload') + 1);
      expect(after[0]).toBe('HeadObject');
    },
  );

  test('is stored once its Complete is answered, also where nothing may be read', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = ({ operation }) =>
      operation === 'HeadObject' || operation === 'GetObject' ? { kind: 'answer', status: 403 } : undefined;
    const upload = await begin(proxied(), 'write-only', false);
    const info = await upload.complete();
    expect(await stored('write-only')).toBe(true);
    const present = await direct().head('write-only');
    expect(info).toMatchObject({ sizeBytes: content.length, etag: present?.etag });
  });

  test('whose Complete is answered by 500, always, is reported and aborted', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = ({ operation }) =>
      operation === 'CompleteMultipartUpload' ? { kind: 'answer', status: 500 } : undefined;
    const upload = await begin(proxied(), 'never');
    await expect(upload.complete()).rejects.toThrow(StoreUnavailableError);
    expect(operations().at(-1)).toBe('AbortMultipartUpload');
    expect(await direct().head('never')).toBeUndefined();
    expect(await direct().abortStale('never', 0)).toBe(0);
  });

  test('whose PutObject is answered by a lost connection is recognised by its save-id', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = firstTimes(1, 'PutObject', { kind: 'reset', served: true });
    const upload = proxied().createUpload('small', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await upload.write(Buffer.from('small'));
    expect(await upload.complete()).toMatchObject({ sizeBytes: 5 });
    expect(operations()).toEqual(['HeadObject', 'PutObject', 'PutObject', 'HeadObject']);
  });

  test('that another job beat is told so, although its own answer was lost', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    const other = direct().createUpload('beaten', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await other.write(Buffer.from('other'));
    await other.complete();
    proxy.rule = firstTimes(1, 'PutObject', { kind: 'reset', served: true });
    const upload = proxied().createUpload('beaten', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await upload.write(Buffer.from('mine'));
    await expect(upload.complete()).rejects.toThrow(ObjectExistsError);
  });

  test('that is given up leaves no part behind, and waits for the answer to its abort', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = ({ operation }) => (operation === 'UploadPart' ? { kind: 'delay', ms: 50 } : undefined);
    const controller = new AbortController();
    const upload = proxied().createUpload('given up', {
      partSizeBytes: 5 * MiB,
      onlyIfAbsent: true,
      signal: controller.signal,
    });
    await upload.write(randomBytes(26 * MiB));
    controller.abort(new Error('cancelled'));
    await upload.abort();
    expect(operations().at(-1)).toBe('AbortMultipartUpload');
    expect(await direct().abortStale('given up', 0)).toBe(0);
  });

  test('to an endpoint that dies is given one short abort', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = ({ operation }) => {
      if (operation === 'UploadPart') return { kind: 'answer', status: 503 };
      return operation === 'AbortMultipartUpload' ? { kind: 'silent' } : undefined;
    };
    const said: string[] = [];
    const store = storeFor(
      bucket,
      { endpoint: new URL(proxy.endpoint), attempts: 1 },
      {
        timeLimits: limits,
        log: { ...silentLog, notice: line => said.push(line) },
      },
    );
    stores.push(store);
    const upload = store.createUpload('dying', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    const failure = await upload
      .write(randomBytes(11 * MiB))
      .then(() => upload.complete())
      .catch(error => error);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    await upload.abort();
    await upload.abort();
    expect(operations().filter(operation => operation === 'AbortMultipartUpload')).toHaveLength(1);
    expect(said).toEqual([expect.stringContaining('An unfinished upload of dying could not be removed')]);
    expect(await direct().abortStale('dying', 0)).toBe(1);
  });

  test('to an endpoint that is too busy for it is aborted when that has a moment', async () => {
    proxy = await startFaultProxy(gateway().endpoint);
    let refused = 0;
    proxy.rule = ({ operation }) => {
      if (operation === 'UploadPart') return { kind: 'answer', status: 503 };
      return operation === 'AbortMultipartUpload' && refused++ < 2
        ? { kind: 'answer', status: 503 }
        : undefined;
    };
    const upload = await begin(proxied(3), 'busy');
    await expect(upload.complete()).rejects.toThrow(StoreUnavailableError);
    expect(operations().filter(operation => operation === 'AbortMultipartUpload')).toHaveLength(3);
    expect(await direct().abortStale('busy', 0)).toBe(0);
  });

  test('of a process that is killed is swept', async () => {
    const uploader = `
      import { createS3Store } from ${JSON.stringify(new URL('../../../src/storage/s3/s3-store.ts', import.meta.url).href)};
      const { endpoint, ...settings } = JSON.parse(process.env.SETTINGS);
      const log = { debug() {}, info() {}, notice() {}, warning() {} };
      const store = createS3Store({ ...settings, endpoint: new URL(endpoint) }, { log });
      const upload = store.createUpload('killed', { partSizeBytes: 5242880, onlyIfAbsent: true });
      await upload.write(new Uint8Array(16 * 1048576));
      console.log('begun');
      setInterval(() => {}, 1000);`;
    const settings = { ...settingsFor(bucket), instanceMetadata: false, forcePathStyle: true, attempts: 1 };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', uploader], {
      env: { ...process.env, SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = direct();
    expect(await store.head('killed')).toBeUndefined();
    expect(await store.abortStale('killed', 0)).toBe(1);
    expect(await store.abortStale('killed', 0)).toBe(0);
  });
});

describe('a copied range', () => {
  test.each([400, 405, 501])('refused with %i is said as such', async status => {
    proxy = await startFaultProxy(gateway().endpoint);
    proxy.rule = ({ operation }) => (operation === 'UploadPartCopy' ? { kind: 'answer', status } : undefined);
    const store = proxied();
    const source = await store.head('object');
    const upload = store.createUpload('copy', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await expect(
      upload.copyRange({ name: 'object', etag: source?.etag ?? '' }, { start: 0, end: content.length }),
    ).rejects.toMatchObject({ name: 'CopyRefusedError' });
    await upload.abort();
    expect(await direct().abortStale('copy', 0)).toBe(0);
  });
});
