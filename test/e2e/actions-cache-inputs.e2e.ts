import { expect, it } from 'vitest';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { incompressible } from '../support/random.ts';
import { mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { cacheSteps, outage } from './support/actions-cache.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

/** The contract of actions/cache 5 for its other inputs, with messages word for word, by the built action. */

const lab = useLab();
const { cache, restore, save } = cacheSteps(lab);

describeWithGateway('actions/cache: lookup-only', () => {
  it('lookup-only downloads nothing, and post saves nothing after an exact hit', async () => {
    await save('path: deps, key: k');
    const machine = await lab.newMachine();
    await using proxy = await startGatewayProxy();
    const result = await lab.steps(
      '- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k, lookup-only: true } }',
      { machine, env: { CACHE_S3_ENDPOINT: proxy.endpoint } },
    );
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBe('true');
    expect(await describeTree(machine.workspace)).toEqual({});
    expect(proxy.operations).toEqual(['HeadObject']);
    expect(postOf(result, 'cache').log).toContain('not saving cache');
  });

  it('post saves after a miss of lookup-only', async () => {
    const result = await cache('path: deps, key: k, lookup-only: true');
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: k');
  });
});

describeWithGateway('actions/cache: fail-on-cache-miss', () => {
  it('fail-on-cache-miss fails the step after a miss, and post saves nothing', async () => {
    const result = await cache('path: deps, key: k, fail-on-cache-miss: true');
    expect(result.conclusion).toBe('failure');
    expect(mainOf(result, 'cache').annotations).toEqual([
      {
        level: 'error',
        message: 'Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: k',
      },
    ]);
    expect(await lab.objects()).toEqual([]);
  });

  it('fail-on-cache-miss accepts a partial hit', async () => {
    await save('path: deps, key: k-1');
    const result = await restore('path: deps, key: k-2, restore-keys: k-, fail-on-cache-miss: true');
    expect(result.conclusion).toBe('success');
  });

  it('fail-on-cache-miss reports an outage as such and not as a miss', async () => {
    const result = await restore('path: deps, key: k, fail-on-cache-miss: true', {
      env: await outage(),
    });
    expect(result.conclusion).toBe('failure');
    const [error] = mainOf(result, 'cache').annotations.filter(({ level }) => level === 'error');
    expect(error?.message).toMatch(
      /^Failed to restore cache entry: .*although this is not a miss\. Input key: k$/,
    );
  });
});

describeWithGateway('actions/cache: other inputs', () => {
  it('enableCrossOsArchive does not change the identity of a cache on Linux and macOS', async () => {
    await save('path: deps, key: k, enableCrossOsArchive: true');
    expect(mainOf(await restore('path: deps, key: k'), 'cache').outputs['cache-hit']).toBe('true');
  });

  it("upload-chunk-size sets the size of an upload's parts", async () => {
    await using proxy = await startGatewayProxy();
    const machine = await lab.newMachine();
    await buildTree(machine.workspace, { 'deps/big': incompressible(12_000_000) });
    await save('path: deps, key: k, upload-chunk-size: 5242880', {
      machine,
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    expect(proxy.operations.filter(operation => operation === 'UploadPart')).toHaveLength(3);
    expect(await lab.objects()).toHaveLength(1);
  });

  it('the runner finds none of the inputs of actions/cache unexpected', async () => {
    const everything = `path: deps, key: k, restore-keys: k-, upload-chunk-size: 33554432,
      enableCrossOsArchive: false, fail-on-cache-miss: false, lookup-only: false, save-always: false`;
    expect(warningsOf(await cache(everything))).toEqual([]);
    expect(
      warningsOf(
        await restore(`path: deps, key: k, restore-keys: k-, enableCrossOsArchive: false,
          fail-on-cache-miss: false, lookup-only: false`),
      ),
    ).toEqual([]);
    expect(
      warningsOf(await save('path: deps, key: k2, upload-chunk-size: 33554432, enableCrossOsArchive: false')),
    ).toEqual([]);
  });

  it('the runner names an input that the action does not declare', async () => {
    expect(warningsOf(await restore('path: deps, key: k, retries: 3'))).toEqual([
      expect.stringMatching(/^Unexpected input\(s\) 'retries', valid inputs are \['path', 'key', /),
    ]);
  });
});
