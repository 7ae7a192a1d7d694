import { expect, onTestFinished, test } from 'vitest';
import { serveHttp, serveTcp } from '../../../support/servers/serve.ts';
import type { ScriptedAnswer } from '../scripted-server.ts';
import { openStore } from '../support.ts';
import { expectRefusal, xml } from './expect-refusal.ts';

const html = (text: string) => ({ headers: { 'content-type': 'text/html' }, body: `<html>${text}</html>` });

const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();

test.each<[string, ScriptedAnswer, string, string | RegExp]>([
  [
    'a plain http request to a TLS port of nginx',
    { status: 400, ...html('400 The plain HTTP request was sent to HTTPS port') },
    "the input 'insecure'",
    'the port expects https, and the request was http',
  ],
  [
    'a plain http request to a TLS port of MinIO',
    { status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' },
    "the input 'insecure'",
    'the port expects https, and the request was http',
  ],
  [
    'a redirect to https',
    { status: 301, headers: { location: 'https://127.0.0.1/bucket/x' } },
    "the input 'insecure'",
    'the server redirects http to https',
  ],
  [
    'a redirect to a login page',
    { status: 302, headers: { location: 'https://login.example.com/?token=secret' } },
    "the input 'endpoint'",
    /it redirects to https:\/\/login\.example\.com, (?!.*secret)/,
  ],
  [
    'a redirect to a URL without a host',
    { status: 302, headers: { location: 'file:///etc/passwd' } },
    "the input 'endpoint'",
    'it redirects to another URL, as a proxy or a login page does',
  ],
  [
    'a bucket in another region',
    { status: 301, headers: { 'x-amz-bucket-region': 'eu-central-1' } },
    "the input 'region'",
    'the bucket is in region eu-central-1',
  ],
  [
    'a 304, which is no redirect,',
    { status: 304, headers: { location: 'https://login.example.com/' } },
    "the input 'endpoint'",
    'the endpoint refused the call (GetObject: 304)',
  ],
  [
    "a proxy's 403 page",
    { status: 403, ...html('Forbidden') },
    'the proxy, firewall or web server in front of the bucket',
    'it refused the request with a web page',
  ],
  [
    'a 403 without a body',
    { status: 403 },
    "the input 'accessKey', the input 'secretKey' and the bucket's policy",
    'access is denied (GetObject: 403)',
  ],
  [
    'a body that is too large',
    { status: 413, ...html('413 Request Entity Too Large') },
    'the limit on the size of a body',
    'client_max_body_size',
  ],
  [
    'a name that is too long',
    { status: 400, ...xml('KeyTooLong') },
    "the input 'key'",
    'the name of the object is too long for this server',
  ],
  [
    'a name that is too long for MinIO',
    { status: 400, ...xml('XMinioInvalidObjectName') },
    "the input 'key'",
    'the name of the object is too long for this server',
  ],
  [
    'a signature that a proxy broke, or a wrong key',
    { status: 403, ...xml('SignatureDoesNotMatch') },
    "the input 'secretKey'",
    'or a proxy changes signed headers (Host, Range, If-*)',
  ],
  [
    'a clock that is off',
    { status: 403, ...xml('RequestTimeTooSkewed'), headers: { date: hourAgo } },
    "the runner's clock",
    /the runner's clock is 36\d\d s ahead of the server's/,
  ],
  [
    'Alibaba OSS, which requires another host name',
    { status: 403, ...xml('SecondLevelDomainForbidden', 'Please use virtual hosted style to access.') },
    "the input 'endpoint'",
    "this server accepts the bucket's name only in its host name",
  ],
  [
    'an object in an archive of AWS',
    {
      status: 403,
      ...xml('InvalidObjectState', "The operation is not valid for the object's storage class"),
    },
    "the bucket's lifecycle rules",
    'the object is in an archive storage class and cannot be read',
  ],
  [
    'a refusal that only the server can explain',
    { status: 400, ...xml('InvalidRequest', 'Buckets of\nthis tier take\u001b no such request') },
    "the input 'endpoint'",
    '(GetObject: 400 InvalidRequest): "Buckets of this tier take no such request"',
  ],
])('the error of %s names the cause', async (_, answer, setting, message) => {
  await expectRefusal(answer, setting, message);
});

/** Returns the error of a HEAD to `endpoint` through the proxy of this environment. */
async function failureThrough(environment: NodeJS.ProcessEnv, endpoint: string): Promise<unknown> {
  const store = openStore({ endpoint: new URL(endpoint), environment, attempts: 1 });
  onTestFinished(() => store.close());
  return store.head('x').catch((error: unknown) => error);
}

/** Starts a proxy that answers CONNECT with this status, and returns its address. */
async function proxyThatRefuses(status: number): Promise<string> {
  const port = await serveTcp(socket => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`));
  });
  return `127.0.0.1:${port}`;
}

test('the error of a proxy that refuses CONNECT names the proxy and its status', async () => {
  const proxy = await proxyThatRefuses(403);
  expect(
    await failureThrough({ https_proxy: `http://me:secret@${proxy}` }, 'https://s3.invalid'),
  ).toMatchObject({
    name: 'StoreUnavailableError',
    message: `bucket bucket at https://s3.invalid: the proxy does not connect (HeadObject: ERR_PROXY_TUNNEL; the proxy at ${proxy}; status 403)`,
  });
});

test('the error of a proxy that answers CONNECT with 407 names the proxy and what it requires', async () => {
  const proxy = await proxyThatRefuses(407);
  expect(await failureThrough({ HTTPS_PROXY: proxy }, 'https://s3.invalid')).toMatchObject({
    name: 'StoreRefusedError',
    settings: ['HTTPS_PROXY'],
    message: expect.stringContaining(
      `the proxy requires a user name and password (${proxy}, CONNECT: 407) (HeadObject: ERR_PROXY_TUNNEL)`,
    ),
  });
});

test.each([
  [403, 'the proxy at …, or the server behind it, refused the call without a code of S3 (HeadObject: 403)'],
  [407, 'the proxy requires a user name and password (…, 407) (HeadObject: 407)'],
])(
  'the error of a proxy for http that answers %i names the proxy, and not the keys',
  async (status, text) => {
    const port = await serveHttp((_, to) => void to.writeHead(status).end('no'));
    const proxy = `127.0.0.1:${port}`;
    expect(await failureThrough({ http_proxy: proxy }, 'http://s3.invalid')).toMatchObject({
      name: 'StoreRefusedError',
      settings: ['http_proxy'],
      message: expect.stringContaining(text.replace('…', proxy)),
    });
  },
);

test('the error of a 403 without a proxy, because of NO_PROXY, names the keys', async () => {
  const port = await serveHttp((_, to) => void to.writeHead(403).end('no'));
  const environment = { http_proxy: '127.0.0.1:1', no_proxy: '127.0.0.1' };
  expect(await failureThrough(environment, `http://127.0.0.1:${port}`)).toMatchObject({
    settings: [{ input: 'accessKey' }, { input: 'secretKey' }, "the bucket's policy"],
  });
});
