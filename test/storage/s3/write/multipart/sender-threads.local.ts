import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ObjectStore, Upload } from '../../../../../src/storage/object-store.ts';
import { Transport, type TransportRequest } from '../../../../../src/storage/s3/transport/transport.ts';
import { SenderThreads } from '../../../../../src/storage/s3/write/multipart/sender-threads.ts';
import { BodyTooLargeError, StoreUnavailableError } from '../../../../../src/storage/store-errors.ts';
import { incompressible } from '../../../../support/random.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../../../../support/servers/fault-proxy.ts';
import { type MemoryServer, startMemoryServer } from '../../../../support/servers/memory-server.ts';
import type { Quirks } from '../../../../support/servers/memory-store.ts';
import { MiB } from '../../../../support/sizes.ts';
import { openStore, shortLimits } from '../../support.ts';
import { NO_PROXIES } from '../../transport/use-transport.ts';

const name = 'object';
const PART_2 = /[?&]partNumber=2(?:&|$)/;
/** Three parts of 5 MiB and a rest, in pieces that cross their borders. */
const content = incompressible(17 * MiB, 'parts');
/** A busy machine may not let a thread run for a second. */
const timeLimits = { ...shortLimits, firstByteMs: 10_000, firstResponseMs: 20_000, idleTimeoutMs: 2000 };

let server: MemoryServer;
let proxy: FaultProxy;
let store: ObjectStore;

async function serve(quirks: Quirks = {}): Promise<void> {
  server = await startMemoryServer(quirks);
  proxy = await startFaultProxy(server.endpoint);
  store = openStore({ endpoint: new URL(proxy.endpoint) }, { timeLimits });
}

async function close(): Promise<void> {
  store.close();
  await proxy.close();
  await server.close();
}

beforeEach(() => serve());
afterEach(async () => {
  vi.restoreAllMocks();
  await close();
});

function begin(senders = { maxThreads: 1, fromBytesPerSecond: 0 }): Upload {
  return store.createUpload(name, { partSizeBytes: 5 * MiB, onlyIfAbsent: false, senders });
}

async function writeAll(upload: Upload): Promise<void> {
  for (let at = 0; at < content.length; at += 3 * MiB)
    await upload.write(new Uint8Array(content.subarray(at, at + 3 * MiB)));
}

async function stored(): Promise<Buffer | undefined> {
  const found = await store.getRange(name, { suffix: 100 * MiB });
  return found && Buffer.from(found.bytes);
}

/** Applies a fault to the first attempt at part 2, which a thread sends. */
function breakFirstAttempt(fault: Fault): void {
  let isBroken = false;
  proxy.rule = ({ operation, url }) => {
    if (operation !== 'UploadPart' || !PART_2.test(url) || isBroken) return undefined;
    isBroken = true;
    return fault;
  };
}

test.each([
  [1, { maxThreads: 1, fromBytesPerSecond: 0 }],
  [1, { maxThreads: 2, fromBytesPerSecond: 0 }],
  [4, { maxThreads: 1, fromBytesPerSecond: 1e12 }],
])('the main thread sends the first %i of 4 parts with senders %o', async (ownParts, options) => {
  const sent = vi.spyOn(Transport.prototype, 'send');
  const upload = begin(options);
  await writeAll(upload);
  await upload.complete();
  expect((await stored())?.equals(content)).toBe(true);
  const byThisThread = sent.mock.calls.filter(([{ method, target }]) =>
    /PUT .*partNumber/.test(`${method} ${target}`),
  );
  expect(byThisThread).toHaveLength(ownParts);
  expect(proxy.operations.filter(operation => operation === 'UploadPart')).toHaveLength(4);
});

test.each<[string, Fault]>([
  ['is cut off', { kind: 'cut-upload', afterBytes: MiB }],
  ['has no response', { kind: 'reset', served: true }],
  [
    'is refused as one too many',
    { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' },
  ],
  ['is no longer read by the server', { kind: 'stall-upload', afterBytes: MiB }],
])('a part of a thread that %s is sent again by it', async (_, fault) => {
  breakFirstAttempt(fault);
  const upload = begin();
  await writeAll(upload);
  await upload.complete();
  expect((await stored())?.equals(content)).toBe(true);
  expect(store.counters.retries).toBe(1);
});

test('a thread returns the MD5 of its part to a server that requires it', async () => {
  await close();
  await serve({ requiresMd5: true });
  const upload = begin();
  await writeAll(upload);
  await upload.complete();
  expect((await stored())?.equals(content)).toBe(true);
});

test('a part that gets 413 from a thread throws BodyTooLargeError', async () => {
  breakFirstAttempt({ kind: 'answer', status: 413 });
  const upload = begin();
  const error = await writeAll(upload)
    .then(() => upload.complete())
    .catch(caught => caught);
  expect(error).toBeInstanceOf(BodyTooLargeError);
  await upload.abort();
});

test('an upload that is given up ends the requests of its threads before it removes the parts', async () => {
  const upload = begin();
  const arrived = Promise.withResolvers<void>();
  proxy.rule = ({ operation, url }) => {
    if (operation !== 'UploadPart' || !PART_2.test(url)) return undefined;
    arrived.resolve();
    return { kind: 'stall-upload', afterBytes: 1000 };
  };
  const written = writeAll(upload).catch(() => {});
  await arrived.promise;
  await upload.abort();
  await written;
  expect(proxy.operations.at(-1)).toBe('AbortMultipartUpload');
  expect(await stored()).toBeUndefined();
});

test('a thread gets no request and no digest of a part whose signal is already aborted', async () => {
  const senders = new SenderThreads(1, {
    authorities: undefined,
    proxies: NO_PROXIES,
  });
  const part = senders.transfer({ pieces: [new Uint8Array(10)], sizeBytes: 10 });
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  const signal = AbortSignal.abort(new Error('cancelled'));
  const request = {} as TransportRequest;
  const sent = part.senderOf!({ countSent() {}, countCompleted() {} })(request, {
    signal,
    connectMs: 1,
    idleTimeoutMs: 1,
  });
  await expect(sent).rejects.toThrow('cancelled');
  await expect(part.md5(signal)).rejects.toThrow('cancelled');
  expect(posted).not.toHaveBeenCalled();
  await senders.close();
});

test('a thread that ends by itself fails the upload and not the endpoint', async () => {
  const upload = begin();
  const started = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker) {
    void this.terminate();
  });
  const error = await writeAll(upload)
    .then(() => upload.complete())
    .catch(caught => caught);
  expect(started).toHaveBeenCalled();
  expect(error).not.toBeInstanceOf(StoreUnavailableError);
  expect(String(error)).toMatch(/a thread that sends parts ended/);
  started.mockRestore();
  await upload.abort();
  expect(await store.head(name)).toBeUndefined();
});
