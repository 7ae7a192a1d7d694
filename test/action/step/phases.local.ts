import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { posix, requires } from '../../support/platform-needs.ts';
import { type LocalServer, listen } from '../../support/servers/listen.ts';
import { at, namesInTemp, phase, stored, usePhases } from './phase-process.ts';

usePhases();

describe('phases that run as processes', () => {
  test('miss, save, hit in another workspace, and skip the second save', async () => {
    const miss = await phase('main');
    expect(miss.log).toContain('Cache not found for input keys: k1');
    expect(miss.outputs).toEqual({ 'cache-primary-key': 'k1', 'cache-source': 'none' });

    const save = await phase('post', { state: miss.state });
    expect(save.log).toContain('Cache saved with key: k1');

    const hit = await phase('main', { workspace: 'two' });
    expect(hit.log).toMatch(/^Cache restored from key: k1$/m);
    expect(hit.log).toMatch(/^cache-s3: op=restore source=directory result=hit bytes=\d+ ms=\d+ /m);
    expect(hit.outputs).toMatchObject({ 'cache-hit': 'true', 'cache-source': 'directory' });
    expect(readFileSync(at('two/deps/a.txt'), 'utf8')).toBe('first');

    const again = await phase('post', { workspace: 'two', state: hit.state });
    expect(again.log).toMatch(/^Cache hit occurred on the primary key k1, not saving cache\.$/m);
    expect(again.log).toMatch(/^cache-s3: op=save source=none result=skipped ms=\d+ requests=0 retries=0$/m);
    expect([miss, save, hit, again].map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  });

  test.each([
    ['an absolute path of the new home directory', () => at('other/.cache')],
    ['a path with ~', () => '~/.cache'],
  ])('%s is the same path in post after a step has changed HOME', async (_, pathOf) => {
    const inputs = { path: pathOf() };
    const moved = { HOME: at('other'), USERPROFILE: at('other') };
    for (const home of ['home', 'other']) mkdirSync(at(home, '.cache'), { recursive: true });
    for (const home of ['home', 'other']) writeFileSync(at(home, '.cache/a.txt'), home);
    const miss = await phase('main', { inputs });
    const save = await phase('post', { inputs, state: miss.state, env: moved });
    expect(save.log).toContain('Cache saved with key: k1');

    const changed = at(inputs.path.startsWith('~') ? 'home' : 'other', '.cache/a.txt');
    const content = readFileSync(changed, 'utf8');
    writeFileSync(changed, 'changed');
    const hit = await phase('main', { inputs });
    expect(hit.outputs).toMatchObject({ 'cache-hit': 'true' });
    expect(readFileSync(changed, 'utf8')).toBe(content);
  });

  // Root needs no sudo, and runs with the same records
  const users: readonly Record<string, string>[] = process.geteuid?.() === 0 ? [{}, { sudo: 'true' }] : [{}];

  test.each(users)('save only the changed files after a restore of another key (%j)', async inputs => {
    writeFileSync(at('one/deps/large'), randomBytes(6 * 1024 * 1024));
    await phase('save-only', { inputs });
    await phase('restore-only', { workspace: 'two', inputs: { ...inputs, key: 'k2', 'restore-keys': 'k' } });
    expect(namesInTemp()).toEqual([expect.stringMatching(/^cache-s3-tree-[0-9a-f]{64}$/)]);
    writeFileSync(at('two/deps/a.txt'), 'second');
    const save = await phase('save-only', { workspace: 'two', inputs: { ...inputs, key: 'k2' } });
    expect(save.log).toMatch(/6\.3 MB of it copied/);
  });

  test.each(users)(
    'replace an object in save/ that restore/ of the same job found damaged (%j)',
    async inputs => {
      await phase('save-only');
      const file = stored()[0]!;
      writeFileSync(file, 'torn');

      const damaged = await phase('restore-only', { workspace: 'two', inputs });
      expect(damaged.log).toContain("The object of key 'k1' is not used, because it is damaged");
      // No post phase follows that would read it
      expect(damaged.state).toEqual({});
      expect(namesInTemp()).toEqual([expect.stringMatching(/^cache-s3-damaged-[0-9a-f]{64}$/)]);
      mkdirSync(at('two/deps'));
      writeFileSync(at('two/deps/a.txt'), 'second');
      const other = await phase('save-only', { workspace: 'two', inputs: { key: 'k2' } });
      expect(other.log).toContain('Cache saved with key: k2');
      expect(readFileSync(file, 'utf8')).toBe('torn');

      const save = await phase('save-only', { workspace: 'two', inputs });
      expect(save.log).toContain('Cache saved with key: k1');
      expect(namesInTemp()).toEqual([]);
      const hit = await phase('restore-only');
      expect(hit.log).toMatch(/^Cache restored from key: k1$/m);
      expect(readFileSync(at('one/deps/a.txt'), 'utf8')).toBe('second');
      const again = await phase('save-only');
      expect(again.log).toContain('is already saved');
    },
  );

  test('register the secrets of the step and of the host before any other output', async () => {
    const output = at('output');
    const preload = `
      import { appendFileSync } from 'node:fs';
      const { write } = process.stdout;
      process.stdout.write = function (...args) {
        appendFileSync(${JSON.stringify(output)}, args[0]);
        return write.apply(this, args);
      };
    `;
    // A secret that is given as another value too is printed by its error
    const secrets = ['secret-of-the-step', 'secret-of-the-host'];
    const inputs = {
      secretKey: secrets[0]!,
      region: `${secrets[0]} ${secrets[1]}`,
      bucket: 'ci',
      endpoint: 'h',
    };
    const env = { AWS_SECRET_ACCESS_KEY: secrets[1]!, RUNNER_DEBUG: '1' };
    const { masks } = await phase('main', { inputs, env, preload });
    expect(masks).toEqual(expect.arrayContaining(secrets));
    const lines = readFileSync(output, 'utf8').trim().split('\n');
    const first = lines.findIndex(line => !line.startsWith('::add-mask::'));
    expect(lines.slice(first).join()).toContain("::error::Input 'region' is 'secret-of-the-step");
    expect(lines.slice(first).filter(line => line.startsWith('::add-mask::'))).toEqual([]);
  });

  test('end with one sentence for bad input and write nothing', async () => {
    const { code, log, outputs, state } = await phase('main', { inputs: { key: 'a,b' }, workspace: 'two' });
    expect(code).toBe(1);
    expect(log).toBe("::error::Input 'key' has the key 'a,b', but a key cannot contain a comma.\n");
    expect([outputs, state]).toEqual([{}, {}]);
    expect(existsSync(at('store'))).toBe(false);
  });
});

describe('against a server that accepts connections and never responds', () => {
  let server: LocalServer;
  let connected: Promise<void>;
  let inputs: Record<string, string>;

  beforeEach(async () => {
    let seen = () => {};
    connected = new Promise(resolve => {
      seen = resolve;
    });
    server = await listen(createServer(() => seen()));
    inputs = { endpoint: server.endpoint, bucket: 'ci', accessKey: 'a', secretKey: 'hunter2' };
  });
  afterEach(() => server.close());

  test.each([
    ['SIGINT', 'main', 130],
    ['SIGTERM', 'main', 143],
    ['SIGINT', 'save-only', 130],
  ] as const)('%s ends the phase %s', requires(posix), async (signal, entry, status) => {
    const { promise: pid, resolve: onStart } = Promise.withResolvers<number>();
    const ended = phase(entry, { inputs, onStart });
    await connected;
    process.kill(await pid, signal);
    const { code, log, state } = await ended;
    expect(code).toBe(status);
    expect(log).toContain('the step was cancelled');
    expect(log).not.toContain('hunter2');
    if (entry === 'main') expect(JSON.parse(state.CACHE_S3!)).toMatchObject({ finished: false });
  });
});
