import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { gateway, startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { closingFields, mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { closedEndpoint } from '../support/servers/listen.ts';
import { buildTree } from '../support/tree.ts';
import { describeWithGateway, type LabOptions, useLab } from './support/lab.ts';

/** Features that the replaced actions do not have. */

const lab = useLab();

/** Runs one step on a new machine that has `deps/a` with this content. */
async function run(uses: string, inputs: string, content: string, options: LabOptions = {}) {
  const machine = await lab.newMachine();
  await buildTree(machine.workspace, { 'deps/a': content });
  const result = await lab.steps(
    `- { id: cache, uses: your-org/cache-s3${uses}@v0, with: { path: deps, ${inputs} } }`,
    { machine, ...options },
  );
  return { result, content: () => readFile(path.join(machine.workspace, 'deps/a'), 'utf8') };
}

describeWithGateway('overwrite: true', () => {
  it('overwrite replaces the cache of a key, which is immutable without it', async () => {
    await run('/save', 'key: k', 'first');
    const kept = await run('/save', 'key: k', 'second');
    expect(mainOf(kept.result, 'cache').log).toContain('is already saved');
    expect(await (await run('/restore', 'key: k', '')).content()).toBe('first');

    const replaced = await run('/save', 'key: k, overwrite: true', 'second');
    expect(closingFields(mainOf(replaced.result, 'cache'))).toMatchObject({ result: 'saved' });
    expect(await (await run('/restore', 'key: k', '')).content()).toBe('second');
    expect(await lab.objects()).toHaveLength(1);
  });

  it('overwrite saves after an exact hit', async () => {
    await run('/save', 'key: k', 'first');
    const { result } = await run('', 'key: k, overwrite: true', '');
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBe('true');
    expect(closingFields(postOf(result, 'cache'))).toMatchObject({ result: 'saved' });
  });
});

describeWithGateway('fail-on-save-error', () => {
  const save = async (inputs: string) =>
    run('/save', `key: k, use-fallback: false, retry: false${inputs}`, 'a', {
      env: { CACHE_S3_ENDPOINT: await closedEndpoint() },
    });

  it('fail-on-save-error fails the step when the cache cannot be saved', async () => {
    const { result } = await save(', fail-on-save-error: true');
    expect(result.conclusion).toBe('failure');
    expect(mainOf(result, 'cache').annotations).toEqual([
      { level: 'error', message: expect.stringMatching(/^Failed to save: .*127\.0\.0\.1/) },
    ]);
  });

  it('without fail-on-save-error a save that fails is a warning with its cause', async () => {
    const { result } = await save('');
    expect(result.conclusion).toBe('success');
    expect(warningsOf(result)).toEqual([expect.stringMatching(/^Failed to save: .*127\.0\.0\.1/)]);
  });
});

describeWithGateway('the environment of a fleet', () => {
  it('a variable CACHE_S3_* is used only for an input that the step leaves empty', async () => {
    const own = `own-${lab.prefix}`;
    const { result } = await run('/save', `key: k, prefix: ${own}, bucket: ""`, 'a');
    expect(closingFields(mainOf(result, 'cache'))).toMatchObject({ source: 's3', result: 'saved' });
    expect(await lab.objects()).toEqual([]);
    expect(await lab.bucket.objects(own)).toHaveLength(1);
  });

  it('requests go through HTTP_PROXY, and past it to a host of NO_PROXY', async () => {
    await using proxy = await startGatewayProxy();
    const through = await run('/save', 'key: k', 'a', { env: { HTTP_PROXY: proxy.endpoint } });
    expect(closingFields(mainOf(through.result, 'cache'))).toMatchObject({ result: 'saved' });
    const seen = proxy.requests.length;
    expect(seen).toBeGreaterThan(0);
    const { hostname } = new URL(gateway().endpoint);
    const env = { HTTP_PROXY: proxy.endpoint, NO_PROXY: hostname };
    const around = await run('/restore', 'key: k', '', { env });
    expect(mainOf(around.result, 'cache').outputs['cache-hit']).toBe('true');
    expect(proxy.requests).toHaveLength(seen);
  });

  it('CACHE_S3_ENDPOINT may be a directory of the host', async () => {
    const endpoint = new URL(`file://${lab.root}/store-${lab.prefix}`).href;
    const env = { CACHE_S3_ENDPOINT: endpoint, CACHE_S3_BUCKET: '' };
    await run('/save', 'key: k', 'a', { env });
    const { result, content } = await run('/restore', 'key: k', '', { env });
    expect(mainOf(result, 'cache').outputs).toMatchObject({
      'cache-hit': 'true',
      'cache-source': 'directory',
    });
    expect(await content()).toBe('a');
    expect(await lab.objects()).toEqual([]);
  });
});
