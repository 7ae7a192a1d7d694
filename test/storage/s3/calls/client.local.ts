import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import { TIME_LIMITS, TimeLimits } from '../../../../src/retry/time-limits.ts';
import { createConnection } from '../../../../src/storage/s3/calls/client.ts';
import { HeadObjectCommand, PutObjectCommand } from '../../../../src/storage/s3/calls/sdk.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { posix, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { serveTcp } from '../../../support/servers/serve.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { MiB } from '../../../support/sizes.ts';
import { xml } from '../errors/expect-refusal.ts';
import { scriptedServer } from '../scripted-server.ts';
import { createS3Settings } from '../support.ts';

let directory: string;

beforeEach(() => {
  directory = scratch();
});

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

/** Connects to an endpoint with the limits of the program. */
function connectTo(settings: Partial<S3Settings>) {
  const limits = new TimeLimits(systemClock, TIME_LIMITS);
  const { client } = createConnection(createS3Settings(settings), limits, {
    log: silentLog,
    clock: systemClock,
    userAgent: 'cache-s3/test',
    mask: () => {},
  });
  return client;
}

test('the SDK sends a large body at once, with no checksum, no second attempt and no printed line', async () => {
  const headers: IncomingHttpHeaders[] = [];
  const { endpoint } = await scriptedServer((_, request) => {
    headers.push(request.headers);
    return { status: 503 };
  });
  const printed = vi.spyOn(console, 'warn');
  const ContentLength = 3 * MiB;
  const Body = Readable.from([new Uint8Array(ContentLength)], { objectMode: false });
  const command = new PutObjectCommand({ Bucket: 'bucket', Key: 'x', Body, ContentLength });
  await expect(connectTo({ endpoint }).send(command)).rejects.toThrow();
  expect(headers).toHaveLength(1);
  expect(headers[0]).toMatchObject({
    'user-agent': 'cache-s3/test',
    'content-length': String(ContentLength),
  });
  expect(Object.keys(headers[0]!).filter(name => /^expect$|checksum|^content-md5$/.test(name))).toEqual([]);
  expect(printed).not.toHaveBeenCalled();
});

test.each([
  [true, 'http://storage.invalid/bucket/x'],
  [false, 'http://bucket.storage.invalid/x'],
])('the bucket is in the path of the address if forcePathStyle is set (%s)', async (forcePathStyle, url) => {
  const seen: (string | undefined)[] = [];
  const proxy = await scriptedServer((_, request) => {
    seen.push(request.url);
    return { status: 404 };
  });
  const settings = {
    endpoint: new URL('http://storage.invalid'),
    environment: { http_proxy: proxy.endpoint.href },
  };
  const command = new HeadObjectCommand({ Bucket: 'bucket', Key: 'x' });
  await expect(connectTo({ ...settings, forcePathStyle }).send(command)).rejects.toThrow();
  expect(seen).toEqual([url]);
});

test('a refusal of the keys of the environment names their variable', async () => {
  const server = await scriptedServer(() => ({ status: 403, ...xml('SignatureDoesNotMatch') }));
  const environment = { AWS_ACCESS_KEY_ID: 'access', AWS_SECRET_ACCESS_KEY: 'secret' };
  const store = server.store({ credentials: undefined, environment });
  expect(await failureOf(store.getRange('x', { suffix: 10 }))).toMatchObject({
    settings: [{ input: 'secretKey', place: 'AWS_SECRET_ACCESS_KEY' }],
  });
});
