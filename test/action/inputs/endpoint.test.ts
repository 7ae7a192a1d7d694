import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseEndpoint, parseStsEndpoint } from '../../../src/action/inputs/endpoint.ts';
import { BadInputError } from '../../../src/action/inputs/read-input.ts';
import { posix, requires } from '../../support/platform-needs.ts';

interface Given {
  readonly endpoint?: string;
  readonly port?: number;
  readonly insecure?: boolean;
}
const parse = ({ endpoint = '', port, insecure }: Given) => parseEndpoint({ endpoint, port, insecure });

test.each([
  [{ endpoint: 'rgw.example' }, 'https://rgw.example/'],
  [{ endpoint: 'rgw.example', insecure: true }, 'http://rgw.example/'],
  [{ endpoint: 'rgw.example', insecure: false }, 'https://rgw.example/'],
  [{ endpoint: 'rgw.example:7480', insecure: true }, 'http://rgw.example:7480/'],
  [{ endpoint: 'rgw.example', port: 7480 }, 'https://rgw.example:7480/'],
  [{ endpoint: 'rgw.example:1' }, 'https://rgw.example:1/'],
  [{ endpoint: 'rgw.example:65535' }, 'https://rgw.example:65535/'],
  [{ endpoint: 'http://rgw.example:7480' }, 'http://rgw.example:7480/'],
  [{ endpoint: 'HTTPS://rgw.example/' }, 'https://rgw.example/'],
  [{ endpoint: 'http://rgw.example', insecure: true }, 'http://rgw.example/'],
  [{ endpoint: 'https://rgw.example', port: 8443 }, 'https://rgw.example:8443/'],
  [{ endpoint: '10.0.0.1:80', insecure: true }, 'http://10.0.0.1/'],
  [{ endpoint: '[fd00::1]:7480', insecure: true }, 'http://[fd00::1]:7480/'],
  [{ endpoint: 'rgw_internal.svc' }, 'https://rgw_internal.svc/'],
  [{ endpoint: 'h'.repeat(253) }, `https://${'h'.repeat(253)}/`],
] as [Given, string][])('%j is the server %s', (given, url) => {
  expect(parse(given)).toEqual({ kind: 'server', url: new URL(url) });
});

test('an empty endpoint is AWS', () => {
  expect(parse({})).toBeUndefined();
  expect(parse({ insecure: true })).toBeUndefined();
});

test.each([
  ['file:///srv/ci-cache', '/srv/ci-cache'],
  ['FILE:///srv/ci%20cache/', '/srv/ci cache/'],
])('%s is the directory %s of this host', requires(posix), (endpoint, directory) => {
  expect(parse({ endpoint })).toEqual({ kind: 'directory', path: path.normalize(directory) });
});

test.each([
  [{ endpoint: 'rgw example' }, /^Input 'endpoint' is 'rgw example', but it must be a host, host:port, /],
  [
    { endpoint: 'fd00::1' },
    "Input 'endpoint' is 'fd00::1', but an IPv6 address must be in brackets, as in [fd00::1]:7480.",
  ],
  [{ endpoint: 'http://fd00::1/' }, /must be in brackets/],
  [{ endpoint: 'ftp://rgw.example' }, /^Input 'endpoint' is 'ftp:\/\/rgw.example', but/],
  [{ endpoint: 'https://' }, /^Input 'endpoint' is 'https:\/\/', but/],
  [{ endpoint: 'https://rgw.example/bucket' }, /^Input 'endpoint' is 'https:\/\/rgw.example\/bucket', but/],
  [{ endpoint: 'https://rgw.example?x' }, /^Input 'endpoint' is/],
  [{ endpoint: 'rgw.example:0' }, /^Input 'endpoint' is 'rgw.example:0', but/],
  [{ endpoint: 'rgw.example:70000' }, /^Input 'endpoint' is 'rgw.example:70000', but/],
  [{ endpoint: 'rgw.example:http' }, /^Input 'endpoint' is/],
  [{ endpoint: 'rgw.example\n.evil' }, /^Input 'endpoint' is/],
  [{ endpoint: '999.1.1.1' }, /^Input 'endpoint' is '999.1.1.1', but/],
  [{ endpoint: 'h'.repeat(254) }, /^Input 'endpoint' is 'h{200}\.\.\.', but/],
  [
    { endpoint: 'http://rgw.example', insecure: false },
    "Input 'insecure' is 'false', which means https, but the input 'endpoint' is 'http://rgw.example': remove this input, or change the scheme.",
  ],
  [
    { endpoint: 'https://rgw.example', insecure: true },
    "Input 'insecure' is 'true', which means http, but the input 'endpoint' is 'https://rgw.example': remove this input, or change the scheme.",
  ],
  [
    { endpoint: 'rgw.example:80', port: 81 },
    "Input 'port' is '81', but the input 'endpoint' is 'rgw.example:80': set the port in one of them.",
  ],
  [{ port: 81 }, "Input 'port' is '81', but the input 'endpoint' is empty: set the host there."],
  [{ endpoint: 'file://host/x' }, /^Input 'endpoint' is 'file:\/\/host\/x', but the URL of a directory/],
  [{ endpoint: 'file:relative' }, /^Input 'endpoint' is 'file:relative', but the URL of a directory/],
  [
    { endpoint: 'file:////share/x' },
    /^Input 'endpoint' is 'file:\/\/\/\/share\/x', but the URL of a directory/,
  ],
  [{ endpoint: 'file:///a%00b' }, /^Input 'endpoint' is 'file:\/\/\/a%00b', but the URL of a directory/],
  [{ endpoint: 'file:///a%2Fb' }, /^Input 'endpoint' is 'file:\/\/\/a%2Fb', but the URL of a directory/],
] as [Given, string | RegExp][])('%j is refused in one sentence', (given, sentence) => {
  const attempt = () => parse(given);
  expect(attempt).toThrow(BadInputError);
  expect(attempt).toThrow(sentence);
  expect(attempt).toThrow(/\.$/);
});

test('an endpoint with a password is refused and not quoted', () => {
  const attempt = () => parse({ endpoint: 'https://user:hunter2@rgw.example' });
  expect(attempt).toThrow(/^Input 'endpoint' contains a user name, but it must be a host/);
  expect(attempt).not.toThrow(/hunter2/);
});

describe('the endpoint of the STS', () => {
  const bucket = new URL('https://rgw.example:7480/');

  test.each<[string, URL | undefined, string | undefined]>([
    ['', undefined, undefined],
    ['', bucket, 'https://rgw.example:7480/'],
    ['sts.example', bucket, 'https://sts.example/'],
    ['https://sts.example:8443', undefined, 'https://sts.example:8443/'],
    ['http://127.0.0.1:9000', bucket, 'http://127.0.0.1:9000/'],
    ['http://localhost:9000', bucket, 'http://localhost:9000/'],
    ['http://[::1]:9000', bucket, 'http://[::1]:9000/'],
    ['', new URL('http://127.0.0.2:7480'), 'http://127.0.0.2:7480/'],
  ])('%j with the bucket at %s is %s', (stsEndpoint, server, url) => {
    expect(parseStsEndpoint({ stsEndpoint }, server)?.href).toBe(url);
  });

  test.each([
    ['http://sts.example', "but http would show the run's token to the network: use https."],
    ['http://127.0.0.1.example', "but http would show the run's token to the network: use https."],
    ['file:///srv', 'but it must be a host, host:port or http(s)://host[:port].'],
    ['https://sts.example/path', 'but it must be a host, host:port or http(s)://host[:port].'],
    ['https://sts.example?Action=x', 'but it must be a host, host:port or http(s)://host[:port].'],
  ])('%s is refused', (stsEndpoint, problem) => {
    expect(() => parseStsEndpoint({ stsEndpoint }, bucket)).toThrow(
      `Input 'sts-endpoint' is '${stsEndpoint}', ${problem}`,
    );
  });

  test('is not quoted if it has a user name, and is required where the bucket is reached by http', () => {
    const withName = { stsEndpoint: 'https://user:hunter2@sts.example' };
    expect(() => parseStsEndpoint(withName, bucket)).toThrow(
      /^Input 'sts-endpoint' contains a user name, (?!.*hunter2)/,
    );
    expect(() => parseStsEndpoint({ stsEndpoint: '' }, new URL('http://10.0.0.1'))).toThrow(
      "Input 'sts-endpoint' is missing: the bucket's server is used with http, which would show the run's token to the network. Set an https URL.",
    );
  });
});
