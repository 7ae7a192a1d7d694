/** Refusals of a proxy between the job and the server. */

import { expect, onTestFinished, test } from 'vitest';
import { serveHttp, serveTcp } from '../../../support/servers/serve.ts';
import { openStore } from '../support.ts';

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
    setting: 'HTTP_PROXY or HTTPS_PROXY',
    message: expect.stringContaining(
      `the proxy requires a user name and password (${proxy}, CONNECT: 407) (HeadObject: ERR_PROXY_TUNNEL)`,
    ),
  });
});

test.each([
  [403, 'the proxy at …, or the server behind it, refused the call without a code of S3 (HeadObject: 403)'],
  [407, 'the proxy requires a user name and password (…, 407) (HeadObject: 407)'],
])(
  'the error of a proxy for http that answers %i names the proxy, and blames no keys',
  async (status, text) => {
    const port = await serveHttp((_, to) => void to.writeHead(status).end('no'));
    const proxy = `127.0.0.1:${port}`;
    expect(await failureThrough({ http_proxy: proxy }, 'http://s3.invalid')).toMatchObject({
      name: 'StoreRefusedError',
      setting: 'HTTP_PROXY or HTTPS_PROXY',
      message: expect.stringContaining(text.replace('…', proxy)),
    });
  },
);

test('a 403 of a server that NO_PROXY excepts from the proxy is a question of the keys', async () => {
  const port = await serveHttp((_, to) => void to.writeHead(403).end('no'));
  const environment = { http_proxy: '127.0.0.1:1', no_proxy: '127.0.0.1' };
  expect(await failureThrough(environment, `http://127.0.0.1:${port}`)).toMatchObject({
    setting: "the inputs 'accessKey' and 'secretKey', and the bucket's policy",
  });
});
