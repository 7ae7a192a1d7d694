import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { BadInputError } from '../../../src/action/inputs/bad-input.ts';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { resolveTarget } from '../../../src/action/inputs/target.ts';
import { inputEnv } from '../support.ts';

function resolve(inputs: Record<string, string>, env: Record<string, string> = {}, forkPullRequest = false) {
  const whole = { ...env, ...inputEnv({ path: 'x', key: 'k', ...inputs }) };
  return resolveTarget(parseInputs(whole), { env: whole, forkPullRequest });
}
function settings(inputs: Record<string, string>, env: Record<string, string> = {}, fork = false) {
  const target = resolve({ bucket: 'ci', ...inputs }, env, fork);
  if (target.kind !== 's3') throw new Error(`expected s3, not ${target.kind}`);
  return target.settings;
}

describe('the endpoint', () => {
  test.each([
    [{ endpoint: 'rgw.example' }, 'https://rgw.example/'],
    [{ endpoint: 'rgw.example', insecure: 'true' }, 'http://rgw.example/'],
    [{ endpoint: 'rgw.example', insecure: 'false' }, 'https://rgw.example/'],
    [{ endpoint: 'rgw.example:7480', insecure: 'true' }, 'http://rgw.example:7480/'],
    [{ endpoint: 'rgw.example', port: '7480' }, 'https://rgw.example:7480/'],
    [{ endpoint: 'rgw.example:1' }, 'https://rgw.example:1/'],
    [{ endpoint: 'rgw.example:65535' }, 'https://rgw.example:65535/'],
    [{ endpoint: 'http://rgw.example:7480' }, 'http://rgw.example:7480/'],
    [{ endpoint: 'HTTPS://rgw.example/' }, 'https://rgw.example/'],
    [{ endpoint: 'http://rgw.example', insecure: 'true' }, 'http://rgw.example/'],
    [{ endpoint: 'https://rgw.example', port: '8443' }, 'https://rgw.example:8443/'],
    [{ endpoint: '10.0.0.1:80', insecure: 'true' }, 'http://10.0.0.1/'],
    [{ endpoint: '[fd00::1]:7480', insecure: 'true' }, 'http://[fd00::1]:7480/'],
    [{ endpoint: 'rgw_internal.svc' }, 'https://rgw_internal.svc/'],
  ])('%j is %s', (inputs, url) => {
    expect(settings(inputs).endpoint?.href).toBe(url);
  });

  test.each([
    [{ endpoint: 'rgw example' }, /^Input 'endpoint' is 'rgw example', but it has to be a host, host:port, /],
    [
      { endpoint: 'fd00::1' },
      "Input 'endpoint' is 'fd00::1', but an IPv6 address has to stand in brackets, as in [fd00::1]:7480.",
    ],
    [{ endpoint: 'http://fd00::1/' }, /has to stand in brackets/],
    [{ endpoint: 'ftp://rgw.example' }, /^Input 'endpoint' is 'ftp:\/\/rgw.example', but/],
    [{ endpoint: 'https://' }, /^Input 'endpoint' is 'https:\/\/', but/],
    [{ endpoint: 'https://rgw.example/bucket' }, /^Input 'endpoint' is 'https:\/\/rgw.example\/bucket', but/],
    [{ endpoint: 'https://rgw.example?x' }, /^Input 'endpoint' is/],
    [{ endpoint: 'rgw.example:0' }, /^Input 'endpoint' is 'rgw.example:0', but/],
    [{ endpoint: 'rgw.example:70000' }, /^Input 'endpoint' is 'rgw.example:70000', but/],
    [{ endpoint: 'rgw.example:http' }, /^Input 'endpoint' is/],
    [{ endpoint: 'fd00::1' }, /^Input 'endpoint' is 'fd00::1', but/],
    [{ endpoint: '999.1.1.1' }, /^Input 'endpoint' is '999.1.1.1', but/],
    [
      { endpoint: 'http://rgw.example', insecure: 'false' },
      "Input 'endpoint' is 'http://rgw.example', but input 'insecure' is 'false', which means https: give one of them.",
    ],
    [
      { endpoint: 'https://rgw.example', insecure: 'true' },
      "Input 'endpoint' is 'https://rgw.example', but input 'insecure' is 'true', which means http: give one of them.",
    ],
    [
      { endpoint: 'rgw.example:80', port: '81' },
      "Input 'port' is '81', but input 'endpoint' ('rgw.example:80') names a port as well: give one of them.",
    ],
    [{ port: '81' }, "Input 'port' is '81', but input 'endpoint' names no host for it."],
    [{ endpoint: 'file://host/x' }, /^Input 'endpoint' is 'file:\/\/host\/x', but the URL of a directory/],
    [{ endpoint: 'file:relative' }, /^Input 'endpoint' is 'file:relative', but the URL of a directory/],
    [{ bucket: 'a/b' }, /^Input 'bucket' is 'a\/b', but it has to be the name of a bucket/],
    [{ region: 'us east' }, /^Input 'region' is 'us east', but it has to be a name such as us-east-1/],
  ] as [Record<string, string>, string | RegExp][])('%j is refused in one sentence', (inputs, sentence) => {
    const attempt = () => settings(inputs);
    expect(attempt).toThrow(BadInputError);
    expect(attempt).toThrow(sentence);
    expect(attempt).toThrow(/^[^\n]*\.$/);
  });

  test('a password in it is refused and not shown', () => {
    const attempt = () => settings({ endpoint: 'https://user:hunter2@rgw.example' });
    expect(attempt).toThrow(/^Input 'endpoint' holds a user name/);
    expect(attempt).not.toThrow(/hunter2/);
  });
});

describe('the target', () => {
  test('without a bucket it is GitHub’s cache, and what means nothing then is named', () => {
    expect(resolve({})).toEqual({ kind: 'github', ignored: [] });
    expect(resolve({ endpoint: 'rgw.example', accessKey: 'a', retry: 'true' })).toEqual({
      kind: 'github',
      ignored: ['endpoint', 'accessKey'],
    });
    expect(resolve({ scope: 'repository', prefix: 'team', overwrite: 'true' })).toEqual({
      kind: 'github',
      ignored: ['prefix', 'scope', 'overwrite'],
    });
  });

  test('a directory of this host', () => {
    const root = path.resolve('/srv/ci-cache');
    const endpoint = 'file:///srv/ci-cache';
    if (process.platform !== 'win32') {
      expect(resolve({ endpoint })).toEqual({ kind: 'directory', root });
      expect(resolve({ endpoint, bucket: 'app' })).toEqual({
        kind: 'directory',
        root: path.join(root, 'app'),
      });
      expect(resolve({ endpoint: 'file:///srv/ci%20cache' })).toMatchObject({ root: '/srv/ci cache' });
    }
  });

  test.each([
    ['AWS by default', {}, { endpoint: undefined, forcePathStyle: false, instanceMetadata: true }],
    [
      'AWS by the default of tespkg',
      { endpoint: 's3.amazonaws.com' },
      { endpoint: undefined, forcePathStyle: false },
    ],
    [
      "a region's own host",
      { endpoint: 's3.eu-central-1.amazonaws.com' },
      { region: 'eu-central-1', forcePathStyle: false, instanceMetadata: true },
    ],
    [
      'a gateway',
      { endpoint: 'rgw.example' },
      { forcePathStyle: true, instanceMetadata: false, region: 'us-east-1' },
    ],
    [
      'a name that only looks like AWS',
      { endpoint: 'evilamazonaws.com' },
      { forcePathStyle: true, instanceMetadata: false },
    ],
    ['a region', { endpoint: 'rgw.example', region: 'fr-1' }, { region: 'fr-1' }],
    ['no retries', { retry: 'false', 'retry-count': '7' }, { attempts: 1 }],
    ['n retries', { 'retry-count': '7' }, { attempts: 8 }],
    ['no retries by count', { 'retry-count': '0' }, { attempts: 1 }],
    ['four retries by default', {}, { attempts: 5 }],
    ['a CA', { 'ca-file': '/etc/ca.pem' }, { caFile: '/etc/ca.pem' }],
  ])('%s', (_, inputs, expected) => {
    expect(settings(inputs)).toMatchObject(expected);
  });

  test("a fork's pull request does not get the host's identity", () => {
    expect(settings({}, {}, true).instanceMetadata).toBe(false);
  });

  test('the region may come from the environment', () => {
    expect(settings({}, { AWS_DEFAULT_REGION: 'eu-west-3' }).region).toBe('eu-west-3');
    expect(settings({}, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-3' }).region).toBe(
      'eu-west-1',
    );
  });
});

describe('credentials', () => {
  const env = { AWS_ACCESS_KEY_ID: 'EA', AWS_SECRET_ACCESS_KEY: 'ES', AWS_SESSION_TOKEN: 'ET' };
  const given = { accessKey: 'IA', secretKey: 'IS' };

  test.each([
    ['inputs go first, with their own token only', given, env, { accessKeyId: 'IA', secretAccessKey: 'IS' }],
    [
      'with a session',
      { ...given, sessionToken: 'IT' },
      {},
      { accessKeyId: 'IA', secretAccessKey: 'IS', sessionToken: 'IT' },
    ],
    ['those of the environment are left to the providers, where AWS_PROFILE goes first', {}, env, undefined],
    ['half a pair is none', { accessKey: 'IA' }, {}, undefined],
    ['an empty secret (a fork) is none', { accessKey: 'IA', secretKey: '' }, env, undefined],
    ['none', {}, {}, undefined],
  ])('%s', (_, inputs, environment, expected) => {
    expect(
      settings(inputs as Record<string, string>, environment as Record<string, string>).credentials,
    ).toEqual(expected);
  });
});

test.each([
  [{ accessKey: 'IA' }, 'secretKey'],
  [{ secretKey: 'IS' }, 'accessKey'],
  [{ accessKey: 'IA', secretKey: 'IS' }, undefined],
  [{}, undefined],
])('what half a pair of keys lacks: %j', (inputs, missing) => {
  expect(settings(inputs as Record<string, string>).missingKey).toBe(missing);
});
