import { expect, test } from 'vitest';
import { maskSecrets } from '../../../src/action/runner/mask-secrets.ts';
import { captureStdout } from '../../support/capture-stdout.ts';

const stdout = captureStdout();

function masksOf(env: Record<string, string>): string[] {
  maskSecrets(env);
  return stdout.written.split(/\r?\n/).filter(line => line !== '');
}

test.each([
  'INPUT_SECRETKEY',
  'INPUT_SESSIONTOKEN',
  'CACHE_S3_SECRET_KEY',
  'CACHE_S3_SECRETKEY',
  'CACHE_S3_SESSION_TOKEN',
  'CACHE_S3_SESSIONTOKEN',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
])('the value of %s is masked', name => {
  expect(masksOf({ [name]: ' hunter2\n' })).toEqual(['::add-mask::hunter2']);
});

test.each(['http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])(
  'the password in %s is masked as written and as meant',
  name => {
    expect(masksOf({ [name]: 'http://user:p%40ss@proxy:3128' })).toEqual([
      '::add-mask::p%2540ss',
      '::add-mask::p@ss',
    ]);
  },
);

test('the password of a proxy without a scheme, or with a broken escape, is masked', () => {
  expect(masksOf({ HTTP_PROXY: 'user:secret@proxy:3128', HTTPS_PROXY: 'http://u:a%zz@proxy' })).toEqual([
    '::add-mask::secret',
    '::add-mask::a%25zz',
  ]);
});

test('each secret is masked once, and nothing else', () => {
  const env = {
    INPUT_SECRETKEY: 'hunter2',
    CACHE_S3_SECRET_KEY: 'hunter2',
    CACHE_S3_SESSION_TOKEN: '  ',
    AWS_SESSION_TOKEN: '',
    INPUT_ACCESSKEY: 'AKID',
    HTTP_PROXY: 'http://proxy:3128',
    HTTPS_PROXY: 'not a url at all',
    NO_PROXY: 'user:pass@x',
  };
  expect(masksOf(env)).toEqual(['::add-mask::hunter2']);
});

test('a secret of two lines is masked by one command', () => {
  expect(masksOf({ INPUT_SECRETKEY: 'a\nb' })).toEqual(['::add-mask::a%0Ab']);
});
