import { buffer } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { serveHttp } from '../../../support/servers/serve.ts';
import { useTransport } from './use-transport.ts';

const transport = useTransport();

test('requests go through the proxy of the environment, except to hosts in NO_PROXY', async () => {
  const proxied: (string | undefined)[] = [];
  const proxyPort = await serveHttp((from, to) => {
    proxied.push(from.url);
    to.end('by proxy');
  });
  const port = await serveHttp((_, to) => void to.end('directly'));
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${proxyPort}`);
  expect(await textFrom(port)).toBe('by proxy');
  expect(proxied).toEqual([`http://127.0.0.1:${port}/bucket/key`]);
  vi.stubEnv('NO_PROXY', '127.0.0.1');
  expect(await textFrom(port)).toBe('directly');
});

test.each(['http_proxy', 'HTTP_PROXY'])('a proxy without a scheme in %s is used by http', async name => {
  const proxyPort = await serveHttp((_, to) => void to.end('by proxy'));
  const port = await serveHttp((_, to) => void to.end('directly'));
  vi.stubEnv(name, `127.0.0.1:${proxyPort}`);
  expect(await textFrom(port)).toBe('by proxy');
});

/** Returns the body that a transport of the present environment receives. */
async function textFrom(port: number): Promise<string> {
  transport.reopen();
  return String(await buffer((await transport.send(port)).body));
}
