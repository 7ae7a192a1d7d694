import * as fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { ANY_NAME } from '../../support/any-name.ts';
import type { BucketAccess } from '../../support/gateway/gateway.ts';
import { gateway, newBucket } from '../../support/gateway/shared-gateway.ts';
import { type FaultProxy, type Rule, startFaultProxy } from '../../support/servers/fault-proxy.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { ballast, expectTree, jobsOf } from '../incremental/jobs.ts';
import { storeFor } from '../s3/gateway-store.ts';

let bucket: BucketAccess;
let proxy: FaultProxy;
beforeAll(async () => {
  bucket = await newBucket('archive-save');
  proxy = await startFaultProxy(gateway().endpoint);
});
afterAll(() => proxy.close());

const operations = () => proxy.requests.map(({ operation }) => operation);
const count = (name: string) => operations().filter(operation => operation === name).length;

/** A job behind the proxy that has restored `<name>-1` and changed a file since, and one that reads undisturbed. */
async function changedJob(name: string) {
  const { job } = jobsOf(storeFor(bucket));
  const first = job();
  await buildTree(first.workspace, { ...ballast, 'tree/a': 'first' });
  await first.saveInFull(`${name}-1`);
  const store: ObjectStore = storeFor(bucket, { endpoint: new URL(proxy.endpoint) });
  const second = job({ store });
  await second.restore('none', { restoreKeys: [`${name}-`] });
  fs.writeFileSync(path.join(second.workspace, 'tree/a'), 'second');
  return { first, second, reader: job() };
}

/** Nothing of an upload is left that could cost anything. */
async function expectNothingLeft(): Promise<void> {
  const store = storeFor(bucket);
  expect(await store.abortStale('', 0, ANY_NAME)).toBe(0);
  store.close();
}

describe('an incremental save to a gateway', () => {
  test('sends only the changed bytes', async () => {
    proxy.rule = () => undefined;
    const { second, reader } = await changedJob('grows');
    const [before, copies] = [second.transferred, count('UploadPartCopy')];
    const outcome = await second.save('grows-2');
    expect(outcome).toMatchObject({ kind: 'saved', reusedBytes: expect.any(Number) });
    const { reusedBytes, sizeBytes = 0 } = outcome as { reusedBytes: number; sizeBytes?: number };
    expect(reusedBytes).toBeGreaterThan(6_000_000);
    expect(second.transferred - before).toBe(sizeBytes - reusedBytes);
    expect(second.transferred - before).toBeLessThan(20_000);
    expect(count('UploadPartCopy') - copies).toBe(1);
    await expectTree(reader, 'grows-2', second);
    const store = storeFor(bucket);
    expect((await store.head(second.objectName('grows-2')))?.sizeBytes).toBe(sizeBytes);
    await expectNothingLeft();
  });

  /** Applies a fault to the first copy of a part. */
  function atFirstCopy(fault: Rule): Rule {
    let seen = false;
    return request => {
      if (seen || request.operation !== 'UploadPartCopy') return undefined;
      seen = true;
      return fault(request);
    };
  }

  const answer = (status: number, code: string): Rule =>
    (() => ({ kind: 'answer', status, body: `<Error><Code>${code}</Code></Error>` })) as Rule;

  test.each([
    [501, 'NotImplemented', 'the server does not copy parts of objects (501)'],
    [200, 'InternalError', 'the server does not copy parts of objects (200 InternalError in every attempt)'],
    [411, 'MissingContentLength', 'the server does not copy parts of objects (411)'],
    [500, 'InternalError', 'the server does not copy parts of objects (500 InternalError in every attempt)'],
    [405, 'MethodNotAllowed', 'the server does not copy parts of objects (405)'],
    [403, 'AccessDenied', 'the server refuses to copy the restored cache'],
    [404, 'NoSuchKey', 'the server does not copy parts of objects (it does not find the object to copy)'],
  ])('is repeated in full when the gateway responds to a copy with %i %s', async (status, code, reason) => {
    const name = `refused-${status}`;
    const { second, reader } = await changedJob(name);
    proxy.rule = answer(status, code);
    const refuse = proxy.rule;
    proxy.rule = request => (request.operation === 'UploadPartCopy' ? refuse(request) : undefined);
    expect(await second.save(`${name}-2`)).toMatchObject({ kind: 'saved', reusedBytes: 0 });
    expect(second.lines).toEqual([`info: The cache is saved in full: ${reason}.`]);
    proxy.rule = () => undefined;
    await expectTree(reader, `${name}-2`, second);
    await expectNothingLeft();
  });

  test('is repeated in full when the gateway refuses to complete an upload with copied parts, as Cloudflare R2 does', async () => {
    const { second, reader } = await changedJob('unequal');
    const refuse = answer(400, 'InvalidPart');
    let refused = 0;
    proxy.rule = request => {
      if (request.operation !== 'CompleteMultipartUpload' || refused > 0) return undefined;
      refused++;
      return refuse(request);
    };
    expect(await second.save('unequal-2')).toMatchObject({ kind: 'saved', reusedBytes: 0 });
    expect(refused).toBe(1);
    expect(second.lines).toEqual([
      'info: The cache is saved in full: the server refuses an object with copied parts.',
    ]);
    proxy.rule = () => undefined;
    await expectTree(reader, 'unequal-2', second);
    await expectNothingLeft();
  });

  test('retries a copy that failed', async () => {
    const { second, reader } = await changedJob('stumbles');
    proxy.rule = atFirstCopy(answer(503, 'SlowDown'));
    const outcome = await second.save('stumbles-2');
    expect(outcome).toMatchObject({ kind: 'saved' });
    expect((outcome as { reusedBytes: number }).reusedBytes).toBeGreaterThan(0);
    expect(second.lines).toEqual([]);
    await expectTree(reader, 'stumbles-2', second);
  });

  test.each([
    ['shorter', { 'tree/ballast/3': 'another' }],
    ['longer', { 'tree/another': 'another' }],
  ])('drops the copy when a %s object replaces its source during the copy', async (how, another) => {
    const { first, second, reader } = await changedJob(`moves-${how}`);
    const other = jobsOf(storeFor(bucket)).job();
    await buildTree(other.workspace, { ...ballast, ...another });
    let replaced: Promise<unknown> = Promise.resolve();
    // The gateway ignores CopySourceIfMatch: it copies the object that has the name by then
    proxy.rule = atFirstCopy(() => {
      replaced = other.save(`moves-${how}-1`, { overwrite: true, record: false });
      return { kind: 'hold', until: replaced };
    });
    expect(await second.save(`moves-${how}-2`)).toMatchObject({ kind: 'saved', reusedBytes: 0 });
    await replaced;
    expect(second.lines).toEqual([
      'info: The cache is saved in full: the cache that was restored has been replaced.',
    ]);
    await expectTree(reader, `moves-${how}-2`, second);
    expect(await describeTree(first.workspace)).not.toEqual(await describeTree(second.workspace));
    await expectNothingLeft();
  });

  test('leaves nothing when it is cancelled during the copy', async () => {
    const { second } = await changedJob('cancelled');
    const stop = new AbortController();
    proxy.rule = atFirstCopy(() => {
      stop.abort(new Error('the step was cancelled'));
      return undefined;
    });
    const outcome = await second.save('cancelled-2', { signal: stop.signal });
    expect(outcome).toEqual({ kind: 'cancelled', mayBeVisible: false });
    proxy.rule = () => undefined;
    const store = storeFor(bucket);
    expect(await store.head(second.objectName('cancelled-2'))).toBeUndefined();
    await expectNothingLeft();
  });

  test('is repeated in full when the copied bytes are of no use', async () => {
    proxy.rule = () => undefined;
    const { second, reader } = await changedJob('outgrown');
    // Tar could not put a file where the base has a directory. Only the scan shows it
    const empty = path.join(second.workspace, 'tree/empty');
    fs.mkdirSync(empty);
    await second.save('outgrown-2');
    await second.restore('none', { restoreKeys: ['outgrown-2'] });
    fs.rmdirSync(empty);
    fs.writeFileSync(empty, 'no directory any more');
    expect(await second.save('outgrown-3')).toMatchObject({ kind: 'saved', reusedBytes: 0 });
    expect(second.lines).toEqual([]);
    await expectTree(reader, 'outgrown-3', second);
    await expectNothingLeft();
  });
});
