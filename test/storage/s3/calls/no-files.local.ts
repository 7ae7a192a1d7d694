import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { posix, requires } from '../../../support/platform-needs.ts';
import { serveTcp } from '../../../support/servers/serve.ts';
import { scriptedServer } from '../scripted-server.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-no-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Makes os.homedir() fail, as it does for a uid without an entry in /etc/passwd where HOME is not set. */
const NO_HOME_DIRECTORY = `
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.homedir = () => { throw Object.assign(new Error('no home'), { code: 'ERR_SYSTEM_ERROR' }) };
  syncBuiltinESMExports();`;

const HEAD_OF_X = `
  const { openStore } = await import(${JSON.stringify(new URL('../support.ts', import.meta.url).href)});
  const endpoint = process.env.ENDPOINT ? new URL(process.env.ENDPOINT) : undefined;
  const store = openStore({ endpoint, attempts: 1 });
  const result = await store.head('x').catch(error => error.message);
  store.close();
  console.log(JSON.stringify(result));`;

/** Sends a HEAD in a process that has only this environment. Resolves to its description of the object, or the error. */
async function headIn(environment: Readonly<Record<string, string>>, preload = ''): Promise<unknown> {
  const preloaded = `data:text/javascript,${encodeURIComponent(preload)}`;
  const child = spawn(process.execPath, ['--import', preloaded, '--input-type=module', '--eval', HEAD_OF_X], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output);
}

const found = { headers: { etag: '"e"', 'content-length': '3' } };

test('a call needs no home directory when its settings are given', async () => {
  const { endpoint } = await scriptedServer(() => found);
  expect(await headIn({ ENDPOINT: endpoint.href }, NO_HOME_DIRECTORY)).toMatchObject({ etag: 'e' });
});

test('a call to AWS needs no home directory when its settings are given', async () => {
  const proxyPort = await serveTcp(socket =>
    socket.once('data', () => socket.end('HTTP/1.1 502 No\r\n\r\n')),
  );
  const result = await headIn({ HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` }, NO_HOME_DIRECTORY);
  expect(result).toContain('the proxy does not connect (HeadObject: ERR_PROXY_TUNNEL');
});

test(
  'a call does not read the shared files, which may block, when its settings are given',
  requires(posix),
  async () => {
    const [AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE] = ['config', 'credentials'].map(name => {
      const fifo = path.join(directory, name);
      spawnSync('mkfifo', [fifo]);
      return fifo;
    }) as [string, string];
    const { endpoint } = await scriptedServer(() => found);
    const environment = { ENDPOINT: endpoint.href, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE };
    expect(await headIn(environment)).toMatchObject({ etag: 'e' });
  },
);
