import * as fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readClosingLine } from '../../support/closing-line.ts';
import { gateway, newBucket, startGatewayProxy } from '../../support/gateway/shared-gateway.ts';
import { incompressible } from '../../support/random.ts';
import type { ActionRunResult } from '../../support/runner/run-action.ts';
import { type FaultProxy, firstTimes, type Rule } from '../../support/servers/fault-proxy.ts';
import { MiB } from '../../support/sizes.ts';
import { expectResult, Job } from '../job.ts';
import { bucketInputs, describeDirectory, describeGateway, type StoreInputs } from '../stores.ts';

const tree = {
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`tree/${index}`, incompressible(MiB, `f${index}`)]),
  ),
  'tree/large': incompressible(20 * MiB, 'large'),
};
const old = { 'tree/0': 'old', 'tree/mine': 'kept' };

/** Saves the tree, and returns the job that saved it and one with an old tree. */
async function savedAndOld(inputs: StoreInputs, reader = inputs): Promise<{ from: Job; to: Job }> {
  const [from, to] = [new Job(inputs), new Job(reader)];
  await from.build(tree);
  expectResult(await from.save({ key: 'k' }), 'saved');
  await to.build(old);
  return { from, to };
}

/** Throws unless the phase left the old tree with one warning and did not fail the job. */
async function expectUnchanged(to: Job, phase: ActionRunResult, warning: RegExp): Promise<void> {
  expect(phase.exitCode, phase.stdout).toBe(0);
  expect(phase.stdout.match(/^::warning.*$/gm)).toEqual([expect.stringMatching(warning)]);
  expect(Object.keys(await to.tree())).toEqual(['0', 'mine']);
  expect(await fs.readFile(to.at('tree/0'), 'utf8')).toBe('old');
  expect(await fs.readdir(to.workspace)).toEqual(['tree']);
}

/** Starts a proxy to the gateway. Returns it, and a new bucket's inputs with and without it. */
async function brokenGateway(): Promise<{ proxy: FaultProxy; inputs: StoreInputs; broken: StoreInputs }> {
  const [access, proxy] = await Promise.all([newBucket('windows'), startGatewayProxy()]);
  onTestFinished(() => proxy.close());
  return { proxy, inputs: bucketInputs(access), broken: bucketInputs(access, proxy.endpoint) };
}

async function filesOf(store: StoreInputs): Promise<string[]> {
  const root = fileURLToPath(store.endpoint);
  const names = await fs.readdir(root, { recursive: true, withFileTypes: true });
  return names.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
}

const damage = 'a damaged cache changes no file';
const outage = 'a store that cannot be used is one warning, and changes no file';
const afterKill = 'a restore after one that was killed restores the cache';

describeDirectory(store => {
  test(damage, async () => {
    const inputs = await store.open();
    const { to } = await savedAndOld(inputs);
    const objects = (await filesOf(inputs)).filter(name => name.endsWith('.zst'));
    expect(objects).toHaveLength(1);
    const file = await fs.open(objects[0]!, 'r+');
    await file.write(Buffer.from('damage'), 0, 6, 5 * MiB);
    await file.close();
    await expectUnchanged(to, await to.restore({ key: 'k' }), /because it is damaged/);
  });

  test(outage, async () => {
    const inputs = await store.open();
    const { to } = await savedAndOld(inputs);
    const root = fileURLToPath(inputs.endpoint);
    await fs.rename(root, `${root}.away`);
    await fs.writeFile(root, 'a file in place of the store');
    const phase = await to.restore({ key: 'k' });
    expect(readClosingLine(phase.stdout)?.result).toBe('failed');
    await expectUnchanged(to, phase, /'endpoint'/);
    await expectUnchanged(to, await to.save({ key: 'k' }), /'endpoint'/);
  });

  test(afterKill, async () => {
    const { from, to } = await savedAndOld(await store.open());
    await killedRestore(to);
    await expectRestored(from, to);
  });
});

/** Throws unless a restore gives the saved tree. Staging of a killed restore remains for a day. */
async function expectRestored(from: Job, to: Job): Promise<void> {
  expectResult(await to.restore({ key: 'k' }), 'hit');
  const found = Object.entries(await to.tree()).filter(([name]) => !name.startsWith('.cache-s3-'));
  expect(Object.fromEntries(found)).toEqual({ ...(await from.tree()), mine: expect.anything() });
}

/** Runs a restore and kills it when it has staged files. */
async function killedRestore(to: Job): Promise<void> {
  const stop = new AbortController();
  const restore = to.restore({ key: 'k' }, { stop: stop.signal, grace: { interruptMs: 1, terminateMs: 1 } });
  const timer = setInterval(async () => {
    const names = await fs.readdir(to.at('tree')).catch(() => []);
    if (names.some(name => name.startsWith('.cache-s3-'))) stop.abort();
  }, 5);
  await restore;
  clearInterval(timer);
}

describeGateway(store => {
  const corrupt: Rule = ({ operation, range }) =>
    operation === 'GetObject' && range?.startsWith('bytes=0-')
      ? { kind: 'corrupt', atByte: 5000 }
      : undefined;

  test(damage, async () => {
    const { proxy, inputs, broken } = await brokenGateway();
    const { to } = await savedAndOld(inputs, broken);
    proxy.rule = corrupt;
    await expectUnchanged(to, await to.restore({ key: 'k' }), /because it is damaged/);
  });

  test(outage, async () => {
    const { inputs } = await brokenGateway();
    const { to } = await savedAndOld(inputs, { ...inputs, endpoint: 'http://127.0.0.1:9' });
    await expectUnchanged(to, await to.restore({ key: 'k' }), /The bucket is unavailable/);
  });

  test(afterKill, async () => {
    const { from, to } = await savedAndOld(await store.open());
    await killedRestore(to);
    await expectRestored(from, to);
  });

  test('a download that is cut continues', async () => {
    const { proxy, inputs, broken } = await brokenGateway();
    const { from, to } = await savedAndOld(inputs, broken);
    proxy.rule = firstTimes(3, 'GetObject', { kind: 'cut', afterBytes: 100_000 });
    const phase = await to.restore({ key: 'k' });
    expectResult(phase, 'hit');
    expect(Number(readClosingLine(phase.stdout)!.retries)).toBeGreaterThan(0);
    expect(await to.tree()).toEqual({ ...(await from.tree()), mine: expect.anything() });
  });

  test('an outage during a save leaves the job green', async () => {
    const { proxy, broken } = await brokenGateway();
    const from = new Job(broken);
    await from.build(tree);
    proxy.rule = ({ operation }) =>
      operation === 'UploadPart' ? { kind: 'answer', status: 503 } : undefined;
    const phase = await from.save({ key: 'k' });
    expect(phase.exitCode).toBe(0);
    expect(phase.stdout).toMatch(/^::warning.*Failed to save/m);
  });

  test('https with ca-file is used', async () => {
    const { tlsEndpoint, caFile } = gateway();
    const inputs = bucketInputs(await newBucket('windows'), tlsEndpoint);
    const [from, to] = [new Job(inputs), new Job(inputs)];
    await from.build({ 'tree/a': 'a' });
    expectResult(await from.save({ key: 'k', 'ca-file': caFile }), 'saved');
    expectResult(await to.restore({ key: 'k', 'ca-file': caFile }), 'hit');
  });
});
