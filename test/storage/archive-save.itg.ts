import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { ballast, expectTree, fleet } from '../archive/save/incremental/fixture.ts';
import { scratch } from '../archive/support/scratch.ts';
import { checkTar } from '../archive/support/tar-check.ts';
import { copyCheckout } from '../support/checkout.ts';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket } from '../support/gateway/shared-gateway.ts';
import { type ActionRun, runAction } from '../support/runner/run-action.ts';
import { type FaultProxy, type Rule, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { storeFor } from './s3/gateway-store.ts';

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
  const { job } = fleet(storeFor(bucket));
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
  expect(await store.abortStale('', 0)).toBe(0);
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
    expect((await store.head(await second.objectName('grows-2')))?.sizeBytes).toBe(sizeBytes);
    await expectNothingLeft();
  });

  /** What happens at the first copy of a part. */
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
    [501, 'NotImplemented', 'the server does not copy parts of objects'],
    [405, 'MethodNotAllowed', 'the server does not copy parts of objects'],
    [403, 'AccessDenied', 'the server does not let the restored cache be copied'],
    [404, 'NoSuchKey', 'the cache that was restored has been replaced'],
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
    const other = fleet(storeFor(bucket)).job();
    await buildTree(other.workspace, { ...ballast, ...another });
    let replaced: Promise<unknown> = Promise.resolve();
    // The gateway ignores CopySourceIfMatch: it copies whatever stands there by then
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
    expect(await store.head(await second.objectName('cancelled-2'))).toBeUndefined();
    await expectNothingLeft();
  });

  test('is repeated in full when the copied bytes are of no use', async () => {
    proxy.rule = () => undefined;
    const { second, reader } = await changedJob('outgrown');
    // Tar could not put a file where the base has a directory. No file says so before the scan
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

describe('the built action', () => {
  let actionDir: string;

  function stepIn(workspace: string): Omit<ActionRun, 'entry'> {
    const { endpoint, region } = gateway();
    const url = new URL(endpoint);
    return {
      actionDir,
      workspace,
      inputs: {
        path: 'tree',
        endpoint: url.hostname,
        port: url.port,
        insecure: 'true',
        region,
        bucket: bucket.bucket,
        accessKey: bucket.accessKey,
        secretKey: bucket.secretKey,
        'use-fallback': 'false',
      },
    };
  }

  const restore = { action: 'restore/action.yml', entry: 'main' } as const;
  const save = { action: 'save/action.yml', entry: 'main' } as const;

  test('saves incrementally in save/ after restore/ of the same job', async () => {
    proxy.rule = () => undefined;
    const root = scratch();
    actionDir = await copyCheckout(root);
    const [one, two, three] = ['one', 'two', 'three'].map(name => path.join(root, name, 'workspace')) as [
      string,
      string,
      string,
    ];
    await buildTree(one, { ...ballast, 'tree/a': 'first', 'tree/gone': 'soon' });
    for (const workspace of [two, three]) fs.mkdirSync(workspace, { recursive: true });
    const withKey = (workspace: string, key: string, restoreKeys = '') => {
      const step = stepIn(workspace);
      return { ...step, inputs: { ...step.inputs, key, 'restore-keys': restoreKeys } };
    };
    const { 'restore-keys': _, ...full } = withKey(one, 'dist-1').inputs as Record<string, string>;
    const first = await runAction({ ...stepIn(one), ...save, inputs: full });
    expect(first.stdout).toMatch(/^Cache saved with key: dist-1$/m);

    const partial = await runAction({ ...withKey(two, 'dist-2', 'dist-'), ...restore });
    expect(partial.stdout).toMatch(/^Cache restored from key: dist-1$/m);
    expect(fs.readdirSync(path.join(root, 'two/_temp'))).toContainEqual(
      expect.stringMatching(/^cache-s3-tree-[0-9a-f]{64}$/),
    );
    fs.writeFileSync(path.join(two, 'tree/a'), 'second');
    fs.rmSync(path.join(two, 'tree/gone'));
    const saved = await describeTree(two);
    const second = await runAction({
      ...stepIn(two),
      ...save,
      inputs: { ...full, key: 'dist-2' },
    });
    expect(second.stdout).toMatch(/^Saved .* stored, [\d.]+ MB of it copied, in /m);
    expect(second.stdout).toMatch(/^cache-s3: op=save source=s3 result=saved .* reused=\d+$/m);
    expect(second.stdout).not.toContain('::warning');

    const hit = await runAction({ ...withKey(three, 'dist-2'), ...restore });
    expect(hit.stdout).toMatch(/^Cache restored from key: dist-2$/m);
    expect(await describeTree(three)).toEqual(saved);
    expect(
      fs.readdirSync(path.join(root, 'three/_temp')).filter(name => name.startsWith('cache-s3-')),
    ).toEqual([]);

    const object = path.join(root, 'object');
    const store = storeFor(bucket);
    let name = '';
    for await (const info of store.list('')) if (info.name.includes('/dist-2/')) name = info.name;
    const { sizeBytes } = (await store.head(name))!;
    fs.writeFileSync(object, (await store.getRange(name, { start: 0, end: sizeBytes }))!.bytes);
    store.close();
    await checkTar(fs.readFileSync(object));
    const listing = execFileSync('bash', ['-c', 'zstd -dc "$1" | tar -tf -', 'bash', object], {
      encoding: 'utf8',
    });
    expect(listing.split('\n').filter(line => line === './tree/a')).toHaveLength(2);
  });
});
