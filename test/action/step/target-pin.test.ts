import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { missed, runRestore, runSave, type SaveGiven, target } from './support.ts';

const post = (given: SaveGiven) => runSave(true, given);

test('the main phase keeps its target in the state, without credentials', async () => {
  const inputs = { accessKey: 'AKID', secretKey: 'hunter2', 'ca-file': '/ca.pem', region: 'eu-west-1' };
  const { state } = await runRestore({ restore: missed }, inputs);
  const { AWS_ENDPOINT_URL_STS: _, ...pinned } = target;
  expect(state?.target).toEqual({ ...pinned, 'ca-file': '/ca.pem', region: 'eu-west-1' });
});

describe('a post phase', () => {
  test.each([
    ['endpoint', { CACHE_S3_ENDPOINT: 'evil.example' }, { endpoint: '' }, 'https://evil.example/'],
    ['endpoint', { CACHE_S3_INSECURE: 'true' }, {}, 'http://rgw.example/'],
    ['endpoint', { CACHE_S3_PORT: '8443' }, {}, 'https://rgw.example:8443/'],
    ['bucket', { CACHE_S3_BUCKET: 'other' }, { bucket: '' }, 'other'],
    ['region', { CACHE_S3_REGION: 'eu-west-1' }, {}, 'eu-west-1'],
    ['ca-file', { CACHE_S3_CA_FILE: '/tmp/ca.pem' }, {}, '/tmp/ca.pem'],
    ['sts-endpoint', { CACHE_S3_STS_ENDPOINT: 'evil.example' }, {}, 'evil.example'],
    ['prefix', { CACHE_S3_PREFIX: 'other' }, {}, 'other'],
    ['scope', { CACHE_S3_SCOPE: 'bucket' }, {}, 'bucket'],
  ])('sends no request if the %s has changed (%j)', async (name, env, inputs, now) => {
    const { lines, backend, failed } = await post({
      env,
      inputs: { ...inputs, 'fail-on-save-error': 'true' },
      state: { target },
    });
    expect(lines).toEqual([
      `warning: Cache not saved: input '${name}' is '${now}' and was '${target[name as keyof typeof target]}' in the restore step, so no request was sent to either. Set it for the whole job, or use restore/ and save/.`,
      'info: cache-s3: op=save source=none result=skipped ms=N requests=0 retries=0',
    ]);
    expect(backend.opened).toEqual([]);
    expect(failed).toBe(false);
  });

  test.each(['AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL'])(
    'sends no token of the host to an STS that %s has named since the restore',
    async variable => {
      const env = { [variable]: 'http://localhost:4566' };
      const { lines, backend } = await post({ env, state: { target } });
      expect(lines[0]).toMatch(
        /^warning: Cache not saved: AWS_ENDPOINT_URL_STS is 'http:\/\/localhost:4566' and was '' in the restore step/,
      );
      expect(backend.opened).toEqual([]);
      for (const given of [
        { env: { ...env, AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' } },
        { env, inputs: { accessKey: 'id', secretKey: 'secret' } },
      ]) {
        expect((await post({ ...given, state: { target } })).lines[0]).toBe(
          'info: Cache saved with key: npm-1',
        );
      }
    },
  );

  test('sends no request to a bucket that is set after a restore from GitHub’s cache', async () => {
    const { lines, backend } = await post({ state: { target: { bucket: '' } } });
    expect(lines[0]).toMatch(
      /^warning: Cache not saved: input 'bucket' is 'ci' and was '' in the restore step/,
    );
    expect(backend.opened).toEqual([]);
  });

  test('sends no request to GitHub’s cache if the bucket is no longer set', async () => {
    const { lines, backend } = await post({ inputs: { bucket: '' }, state: { target } });
    expect(lines[0]).toMatch(/^warning: Cache not saved: input 'endpoint' is '' and was /);
    expect(backend.opened).toEqual([]);
  });

  test('sends no request to another directory', async () => {
    const [a, b] = ['/srv/a', '/srv/b'].map(root => path.resolve(root));
    const inputs = { bucket: '', endpoint: pathToFileURL(b!).href };
    const { lines } = await post({
      inputs,
      state: { target: { endpoint: a!, prefix: 'cache-s3', scope: 'ref' } },
    });
    expect(lines[0]).toContain(`input 'endpoint' is '${b}' and was '${a}'`);
  });

  test('uses the region of the main phase when another step has set AWS_REGION', async () => {
    const { lines, backend } = await post({ env: { AWS_REGION: 'eu-west-1' }, state: { target } });
    expect(lines[0]).toBe('info: Cache saved with key: npm-1');
    expect(backend.opened[0]?.target).toMatchObject({ settings: { region: 'us-east-1' } });
  });
});
