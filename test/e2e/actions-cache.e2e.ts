import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { buildTree, describeTree } from '../support/tree.ts';
import { describeWithGateway, type LabOptions, useLab } from './support/lab.ts';
import { closedEndpoint, startCountingProxy } from './support/network.ts';
import { mainOf, postOf, saidBy, warningsOf } from './support/results.ts';

/** The contract of actions/cache 5, word for word where people rely on words, through the built action. */

const lab = useLab();

/** Runs one step, with these inputs (YAML), on a machine that has `deps/a`. */
async function cache(inputs: string, options: LabOptions = {}, action = 'actions/cache@v5') {
  const machine = options.machine ?? (await lab.newMachine());
  await buildTree(machine.workspace, { 'deps/a': 'content of a' });
  return lab.steps(`- { id: cache, uses: ${action}, with: { ${inputs} } }`, { machine, ...options });
}

/** A bucket that is down. One attempt: how it is retried is not what these tests are about. */
const outage = async () => ({ CACHE_S3_ENDPOINT: await closedEndpoint(), CACHE_S3_RETRY: 'false' });

const restore = (inputs: string, options?: LabOptions) => cache(inputs, options, 'actions/cache/restore@v5');
const save = (inputs: string, options?: LabOptions) => cache(inputs, options, 'actions/cache/save@v5');

describeWithGateway('actions/cache: outputs', () => {
  it('leave cache-hit unset on a miss, although the primary key is told', async () => {
    const result = await restore('path: deps, key: k-1, restore-keys: k-');
    const { outputs } = mainOf(result, 'cache');
    expect(outputs).toEqual({ 'cache-primary-key': 'k-1', 'cache-source': 'none' });
    expect(result.conclusion).toBe('success');
  });

  it("are 'true' and the key on an exact hit", async () => {
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

  it("are 'false' and the key that was found, not the prefix, on a partial hit", async () => {
    await save('path: deps, key: k-old');
    const { outputs } = mainOf(await restore('path: deps, key: k-new, restore-keys: k-'), 'cache');
    expect(outputs).toMatchObject({
      'cache-hit': 'false',
      'cache-primary-key': 'k-new',
      'cache-matched-key': 'k-old',
    });
  });

  it("are 'false' when no cache answers", async () => {
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
  it('are those of a miss and a save', async () => {
    const result = await lab.steps(`
      - run: mkdir deps && echo a > deps/a
      - { id: cache, uses: actions/cache@v5, with: { path: deps, key: k-1, restore-keys: "k-\\nj-" } }
    `);
    expect(mainOf(result, 'cache').log).toMatch(/^Cache not found for input keys: k-1, k-, j-$/m);
    expect(postOf(result, 'cache').log).toMatch(/^Cache saved with key: k-1$/m);
  });

  it('are those of an exact hit, after which nothing is saved and nobody asked', async () => {
    await save('path: deps, key: k-1');
    await using proxy = await startCountingProxy();
    const result = await cache('path: deps, key: k-1', { env: { CACHE_S3_ENDPOINT: proxy.endpoint } });
    expect(mainOf(result, 'cache').log).toMatch(/^Cache restored from key: k-1$/m);
    expect(saidBy(postOf(result, 'cache'))).toBe(
      'Cache hit occurred on the primary key k-1, not saving cache.',
    );
    expect(proxy.operations).toEqual(['GetObject']);
  });

  it('are those of a partial hit, after which the new key is saved', async () => {
    await save('path: deps, key: k-1');
    const result = await cache('path: deps, key: k-2, restore-keys: k-');
    expect(mainOf(result, 'cache').log).toMatch(/^Cache restored from key: k-1$/m);
    expect(postOf(result, 'cache').log).toMatch(/^Cache saved with key: k-2$/m);
    expect(warningsOf(result)).toEqual([]);
  });

  it('are those of a lookup', async () => {
    await save('path: deps, key: k-1');
    const result = await restore('path: deps, key: k-1, lookup-only: true');
    expect(mainOf(result, 'cache').log).toMatch(/^Cache found and can be restored from key: k-1$/m);
  });
});

describeWithGateway('actions/cache: keys', () => {
  it('match exactly before a newer key that only begins alike', async () => {
    await save('path: deps, key: col-1');
    await save('path: deps, key: col-10');
    const { outputs } = mainOf(await restore('path: deps, key: col-1'), 'cache');
    expect(outputs).toMatchObject({ 'cache-hit': 'true', 'cache-matched-key': 'col-1' });
  });

  it('are prefixes too, but what they find so is no exact hit', async () => {
    await save('path: deps, key: col-10');
    const { outputs } = mainOf(await restore('path: deps, key: col-1'), 'cache');
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-matched-key': 'col-10' });
  });

  it('differ by case', async () => {
    await save('path: deps, key: KEY');
    expect(mainOf(await restore('path: deps, key: key'), 'cache').outputs['cache-hit']).toBeUndefined();
  });

  it('are tried in the order of restore-keys, the newest match of each', async () => {
    for (const key of ['b-1', 'b-2', 'a-1']) await save(`path: deps, key: ${key}`);
    const asked = await restore('path: deps, key: c-1, restore-keys: "x-\\nb-\\na-"');
    expect(mainOf(asked, 'cache').outputs['cache-matched-key']).toBe('b-2');
  });

  it('may hold any character but a comma', async () => {
    const key = 'a b#c?d/ü../..\\%2F+:*"\'';
    const quoted = JSON.stringify(key);
    expect(postOf(await cache(`path: deps, key: ${quoted}`), 'cache').log).toContain(
      `Cache saved with key: ${key}`,
    );
    const { outputs } = mainOf(await restore(`path: deps, key: ${quoted}`), 'cache');
    expect(outputs).toMatchObject({ 'cache-hit': 'true', 'cache-matched-key': key });
    // None lies outside the prefix.
    expect(await lab.objects()).toHaveLength(1);
  });

  it('may have 512 UTF-16 units', async () => {
    const key = 'k'.repeat(512);
    await save(`path: deps, key: ${key}`);
    expect(mainOf(await restore(`path: deps, key: ${key}`), 'cache').outputs['cache-hit']).toBe('true');
  });

  it('may be ten in all', async () => {
    const nine = Array.from({ length: 9 }, (_, index) => `r${index}-`).join('\\n');
    expect((await restore(`path: deps, key: k, restore-keys: "${nine}"`)).conclusion).toBe('success');
  });

  it.each([
    ['a comma', 'key: "a,b"', "Input 'key' has the key 'a,b', but a key cannot contain a comma."],
    [
      '513 units',
      `key: ${'k'.repeat(513)}`,
      `Input 'key' has a key of 513 characters ('${'k'.repeat(40)}...'), but at most 512 are allowed.`,
    ],
    [
      'eleven keys',
      `key: k, restore-keys: "${Array.from({ length: 10 }, (_, index) => `r${index}`).join('\\n')}"`,
      "Inputs 'key' and 'restore-keys' name 11 keys together, but at most 10 are allowed.",
    ],
  ])('that break a rule (%s) fail restore', async (_, inputs, message) => {
    const result = await restore(`path: deps, ${inputs}`);
    expect(result.conclusion).toBe('failure');
    expect(mainOf(result, 'cache').annotations).toEqual([{ level: 'error', message }]);
  });

  it.each([
    ['a comma', 'key: "a,b"'],
    ['513 units', `key: ${'k'.repeat(513)}`],
  ])('that break a rule (%s) only warn on save', async (_, inputs) => {
    const result = await save(`path: deps, ${inputs}`);
    expect(result.conclusion).toBe('success');
    expect(warningsOf(result)).toEqual([expect.stringMatching(/^Input 'key' has /)]);
    expect(await lab.objects()).toEqual([]);
  });
});

describeWithGateway('actions/cache: post', () => {
  it('saves under the key that main asked for, also when hashFiles says something else by then', async () => {
    await writeFile(path.join(lab.machine.workspace, 'lock'), 'before');
    const result = await lab.steps(`
      - { id: cache, uses: actions/cache@v5, with: { path: deps, key: "k-\${{ hashFiles('lock') }}" } }
      - run: mkdir deps; echo a > deps/a; echo after > lock
    `);
    const key = mainOf(result, 'cache').outputs['cache-primary-key'];
    expect(postOf(result, 'cache').log).toContain(`Cache saved with key: ${key}`);
  });

  it('leaves a key alone that another job has saved by then', async () => {
    const step = '- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k } }';
    const [first, second] = [await lab.newMachine(), await lab.newMachine()];
    const slow = lab.steps(`${step}\n- run: mkdir deps; until test -e go; do sleep 0.02; done`, {
      machine: first,
    });
    const fast = await lab.steps(`${step}\n- run: mkdir deps; echo fast > deps/a`, { machine: second });
    await writeFile(path.join(first.workspace, 'go'), '');
    expect(postOf(fast, 'cache').log).toContain('Cache saved with key: k');
    expect(postOf(await slow, 'cache').log).toContain('already saved by another job');
    expect(warningsOf(await slow)).toEqual([]);
  });

  it('saves nothing where the paths do not exist, and says so', async () => {
    const result = await lab.steps('- { id: cache, uses: actions/cache@v5, with: { path: none, key: k } }');
    expect(postOf(result, 'cache').log).toContain("Cache not saved: nothing exists at the paths 'none'.");
    expect(result.conclusion).toBe('success');
    expect(await lab.objects()).toEqual([]);
  });
});

describeWithGateway('actions/cache: lookup-only', () => {
  it('downloads nothing, and nothing is saved over an exact hit', async () => {
    await save('path: deps, key: k');
    const machine = await lab.newMachine();
    await using proxy = await startCountingProxy();
    const result = await lab.steps(
      '- { id: cache, uses: actions/cache@v5, with: { path: deps, key: k, lookup-only: true } }',
      { machine, env: { CACHE_S3_ENDPOINT: proxy.endpoint } },
    );
    expect(mainOf(result, 'cache').outputs['cache-hit']).toBe('true');
    expect(await describeTree(machine.workspace)).toEqual({});
    expect(proxy.operations).toEqual(['HeadObject']);
    expect(postOf(result, 'cache').log).toContain('not saving cache');
  });

  it('still saves after a miss', async () => {
    const result = await cache('path: deps, key: k, lookup-only: true');
    expect(postOf(result, 'cache').log).toContain('Cache saved with key: k');
  });
});

describeWithGateway('actions/cache: fail-on-cache-miss', () => {
  it('fails the step after a miss, and nothing is saved', async () => {
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

  it('is content with a partial hit', async () => {
    await save('path: deps, key: k-1');
    const result = await restore('path: deps, key: k-2, restore-keys: k-, fail-on-cache-miss: true');
    expect(result.conclusion).toBe('success');
  });

  it('tells an outage from a miss', async () => {
    const result = await restore('path: deps, key: k, fail-on-cache-miss: true', {
      env: await outage(),
    });
    expect(result.conclusion).toBe('failure');
    const [error] = mainOf(result, 'cache').annotations.filter(({ level }) => level === 'error');
    expect(error?.message).toMatch(
      /^Failed to restore cache entry: .*this is no answer and no miss\. Input key: k$/,
    );
  });
});

describeWithGateway('actions/cache: other inputs', () => {
  it('enableCrossOsArchive changes nothing but on Windows', async () => {
    await save('path: deps, key: k, enableCrossOsArchive: true');
    expect(mainOf(await restore('path: deps, key: k'), 'cache').outputs['cache-hit']).toBe('true');
  });

  it('upload-chunk-size is the size of the parts', async () => {
    await using proxy = await startCountingProxy();
    const machine = await lab.newMachine();
    await buildTree(machine.workspace, { 'deps/big': crypto.getRandomValues(Buffer.alloc(60_000)) });
    const big = Buffer.concat(
      Array.from({ length: 200 }, () => crypto.getRandomValues(Buffer.alloc(60_000))),
    );
    await writeFile(path.join(machine.workspace, 'deps/big'), big);
    await save('path: deps, key: k, upload-chunk-size: 5242880', {
      machine,
      env: { CACHE_S3_ENDPOINT: proxy.endpoint },
    });
    // 12 MB that do not compress.
    expect(proxy.operations.filter(operation => operation === 'UploadPart')).toHaveLength(3);
    expect(await lab.objects()).toHaveLength(1);
  });

  it('all that actions/cache declares are known: none is unexpected', async () => {
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

  it('that nobody declares are named by the runner', async () => {
    expect(warningsOf(await restore('path: deps, key: k, retries: 3'))).toEqual([
      expect.stringMatching(/^Unexpected input\(s\) 'retries', valid inputs are \['path', 'key', /),
    ]);
  });
});

describeWithGateway('actions/cache: events', () => {
  it('without a ref give a warning and nothing else', async () => {
    await using proxy = await startCountingProxy();
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
  it('are not needed for the bucket: PATH may be empty', async () => {
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
