import { expect, test } from 'vitest';
import { bypassesProxy } from '../../../../src/storage/s3/transport/no-proxy.ts';

test.each([
  ['localhost', 's3.localhost', true],
  ['localhost', 'localhost', true],
  ['localhost', 'notlocalhost', false],
  ['.example.com', 's3.example.com', true],
  ['.example.com', 'example.com', true],
  ['*.example.com', 's3.example.com', true],
  ['example.com', 'S3.EXAMPLE.COM.', true],
  ['example.com', 'example.com.evil.org', false],
  ['s3.example.com', 'example.com', false],
  ['a.org, example.com', 'example.com', true],
  ['a.org example.com', 'example.com', true],
  ['*', 'any.host', true],
  ['example.com:7480', 's3.example.com', true],
  ['example.com:80', 's3.example.com', false],
  ['127.0.0.1', '127.0.0.1', true],
  ['127.0.0.1:80', '127.0.0.1', false],
  ['fd00::1', 'fd00::1', true],
  ['[fd00::1]', 'fd00::1', true],
  ['[fd00::1]:7480', 'fd00::1', true],
  ['[fd00::1]:80', 'fd00::1', false],
  ['10.0.0.0/8', '10.0.0.1', false],
  ['', 'example.com', false],
  [',', 'example.com', false],
])('NO_PROXY=%s covers %s: %s', (noProxy, host, expected) => {
  expect(bypassesProxy(noProxy, host, 7480)).toBe(expected);
});
