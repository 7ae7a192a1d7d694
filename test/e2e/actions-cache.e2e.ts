import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startGatewayProxy } from '../support/gateway/shared-gateway.ts';
import { linesForPeople, mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { describeTree } from '../support/tree.ts';
import { cacheSteps, outage } from './support/actions-cache.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

/** The contract of actions/cache 5, with messages word for word, by the built action. */

const lab = useLab();
const { cache, restore, save } = cacheSteps(lab);

describeWithGateway('actions/cache: outputs', () => {
  it('a miss sets cache-primary-key and leaves cache-hit unset', async () => {
    const result = await restore('path: deps, key: k-1, restore-keys: k-');
    const { outputs } = mainOf(result, 'cache');
    expect(outputs).toEqual({ 'cache-primary-key': 'k-1', 'cache-source': 'none' });
    expect(result.conclusion).toBe('success');
  });

  it('an exact hit sets cache-hit to true and cache-matched-key to the key', async () => {
    await save('path: deps, key: k-1');
    const { outputs } = mainOf(await restore('path: deps, key: k-1'), 'cache');
    expect(outputs).toMatchObject({
      'cache-hit': 'true',
      'cache-primary-key': 'k-1',
      'cache-matched-key': 'k-1',
      'cache-source': 's3',
    });
    expect(Number(outputs['cache-size'])).toBeGreaterThan(100);
  });

  it('a partial hit sets cache-hit to false and cache-matched-key to the whole key that was found', async () => {
    await save('path: deps, key: k-old');
    const { outputs } = mainOf(await restore('path: deps, key: k-new, restore-keys: k-'), 'cache');
    expect(outputs).toMatchObject({
      'cache-hit': 'false',
      'cache-primary-key': 'k-new',
      'cache-matched-key': 'k-old',
    });
  });

  it('an outage of all caches sets cache-hit to false', async () => {
    const result = await restore('path: deps, key: k', {
      env: await outage(),
    });
    expect(mainOf(result, 'cache').outputs).toEqual({
      'cache-hit': 'false',
      'cache-primary-key': 'k',
      'cache-source': 'none',
    });
    expect(result.conclusion).toBe('success');
  });
});

describeWithGateway('actions/cache: messages', () => {
  it('a miss and the save after it log the messages of actions/cache', async () => {
    const result = await lab.steps(`
      - run: mkdir deps && echo a > deps/a
      - { id: cache, uses: actions/cache@v5, with: { path: deps, key: k-1, restore-keys: "k-\\nj-" } }
    `);
    expect(mainOf(result, 'cache').log).toMatch(/^Cache not found for input keys: k-1, k-, j-$/m);
    expect(postOf(result, 'cache').log).toMatch(/^Cache saved with key: k-1$/m);
  });

  it('an exact hit logs the messages of actions/cache, and post sends no request', async () => {
    await save('path: deps, key: k-1');
    await using proxy = await startGatewayProxy();
    const result = await cache('path: deps, key: k-1', { env: { CACHE_S3_ENDPOINT: proxy.endpoint } });
    expect(mainOf(result, 'cache').log).toMatch(/^Cache restored from key: k-1$/m);
    expect(linesForPeople(postOf(result, 'cache'))).toBe(
      'Cache hit occurred on the primary key k-1, not saving cache.',
    );
    expect(proxy.operations).toEqual(['GetObject']);
  });

  it('a partial hit logs the messages of actions/cache, and post saves the new key', async () => {
    await save('path: deps, key: k-1');
    const result = await cache('path: deps, key: k-2, restore-keys: k-');
    expect(mainOf(result, 'cache').log).toMatch(/^Cache restored from key: k-1$/m);
    expect(postOf(result, 'cache').log).toMatch(/^Cache saved with key: k-2$/m);
    expect(warningsOf(result)).toEqual([]);
  });

  it('a lookup logs the message of actions/cache', async () => {
    await save('path: deps, key: k-1');
    const result = await restore('path: deps, key: k-1, lookup-only: true');
    expect(mainOf(result, 'cache').log).toMatch(/^Cache found and can be restored from key: k-1$/m);
  });
});

describeWithGateway('actions/cache: post', () => {
  it('post saves under the key of main, although hashFiles has another value by then', async () => {
    await writeFile(path.join(lab.machine.workspace, 'lock'), 'before');
    const result = await lab.steps(`
      - { id: cache, uses: actions/cache@v5, with: { path: deps, key: "k-\${{ hashFiles('lock') }}" } }
      - run: mkdir deps; echo a > deps/a; echo after > lock
    `);
    const key = mainOf(result, 'cache').outputs['cache-primary-key'];
    expect(postOf(result, 'cache').log).toContain(`Cache saved with key: ${key}`);
  });

  it('post does not replace a key that another job saved after main', async () => {
    const step = '- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k } }';
    const [first, second] = [await lab.newMachine(), await lab.newMachine()];
    const slow = lab.steps(`${step}\n- run: mkdir deps; until test -e go; do sleep 0.02; done`, {
      machine: first,
    });
    const fast = await lab.steps(`${step}\n- run: mkdir deps; echo fast > deps/a`, { machine: second });
    await writeFile(path.join(first.workspace, 'go'), '');
    expect(postOf(fast, 'cache').log).toContain('Cache saved with key: k');
    expect(postOf(await slow, 'cache').log).toContain('is already saved');
    expect(warningsOf(await slow)).toEqual([]);
  });

  it('post logs that nothing is saved when no path exists', async () => {
    const result = await lab.steps('- { id: cache, uses: actions/cache@v5, with: { path: none, key: k } }');
    expect(postOf(result, 'cache').log).toContain(
      "Cache not saved: nothing to save exists at the paths 'none'.",
    );
    expect(result.conclusion).toBe('success');
    expect(await lab.objects()).toEqual([]);
  });
});

describeWithGateway('actions/cache: events', () => {
  it('an event without a ref gives one warning and sends no request', async () => {
    await using proxy = await startGatewayProxy();
    const result = await cache('path: deps, key: k', {
      event: { name: 'unknown' },
      github: { ref: '' },
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    const warning =
      "Event Validation Error: The event type unknown is not supported because it's not tied to a branch or tag ref.";
    expect(mainOf(result, 'cache').annotations).toEqual([{ level: 'warning', message: warning }]);
    expect(mainOf(result, 'cache').outputs).toEqual({});
    expect(result.conclusion).toBe('success');
    expect(proxy.operations).toEqual([]);
  });
});

describeWithGateway('actions/cache: system tools', () => {
  it('a save and a restore need no program of PATH', async () => {
    const env = { PATH: path.join(lab.root, 'no such directory') };
    expect(postOf(await cache('path: deps, key: k', { env }), 'cache').log).toContain('Cache saved');
    const machine = await lab.newMachine();
    const result = await lab.steps('- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k } }', {
      machine,
      env,
    });
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBe('true');
    expect(Object.keys(await describeTree(machine.workspace))).toEqual(['deps', 'deps/a']);
    expect(warningsOf(result)).toEqual([]);
  });
});
