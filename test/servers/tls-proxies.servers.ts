import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Certificates, makeCertificates } from '../support/servers/certificates.ts';
import { type HaproxySettings, startHaproxy } from '../support/servers/haproxy.ts';
import { startNginx } from '../support/servers/nginx.ts';
import { deleteTree } from '../support/tree.ts';
import { behind, testFailingProxy, testWorkingProxy } from './behind.ts';
import { UNLIMITED, withProxies } from './proxies.ts';

/** The built action behind nginx and HAProxy with TLS and HTTP/2, and behind HAProxy with its own settings. */

let directory: string;
let pki: Certificates;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'cache-s3-pki-'));
  pki = await makeCertificates(directory);
});
afterAll(() => deleteTree(directory));

const authority = () => ({ 'ca-file': pki.authority });

/** nginx with TLS: settings of the location and the http block, and words of the line `listen`. */
const nginx = (file: keyof Certificates, location = UNLIMITED, shared = '', words = '') =>
  behind(target => startNginx(target, location, shared, { certificate: pki[file], words }), authority);

const haproxy = (settings: () => HaproxySettings) =>
  behind(target => startHaproxy(target, settings()), authority);

const transparent: readonly [string, () => ReturnType<typeof behind>][] = [
  ['nginx with TLS', () => nginx('chain')],
  ['nginx with TLS 1.2 alone', () => nginx('chain', UNLIMITED, 'ssl_protocols TLSv1.2;')],
  ['nginx that also speaks HTTP/2', () => nginx('chain', UNLIMITED, '', 'http2')],
  [
    'nginx with TLS that closes connections after 3 requests',
    () => nginx('chain', `${UNLIMITED} keepalive_timeout 1s; keepalive_requests 3;`),
  ],
  ['HAProxy', () => haproxy(() => ({}))],
  ['HAProxy with TLS', () => haproxy(() => ({ bind: `ssl crt ${pki.chain}` }))],
  [
    'HAProxy that also speaks HTTP/2',
    () => haproxy(() => ({ bind: `ssl crt ${pki.chain} alpn h2,http/1.1` })),
  ],
  [
    'HAProxy that closes idle connections after 50 ms',
    () => haproxy(() => ({ defaults: 'timeout http-keep-alive 50ms' })),
  ],
  [
    'HAProxy that closes each connection to the server',
    () => haproxy(() => ({ defaults: 'option http-server-close' })),
  ],
  ['HAProxy that waits for bodies', () => haproxy(() => ({ defaults: 'option http-buffer-request' }))],
  ['HAProxy with one connection at a time', () => haproxy(() => ({ server: 'maxconn 1' }))],
  [
    'HAProxy that compresses',
    () => haproxy(() => ({ defaults: 'compression algo gzip\n  compression type application/zstd' })),
  ],
];

describe.each(transparent)('the action behind %s', withProxies, (_, start) => {
  testWorkingProxy(start());
});

const refusing: readonly [string, RegExp, () => ReturnType<typeof behind>][] = [
  [
    'nginx whose authority is unknown',
    /check the input 'ca-file': .*its certificate is signed by an unknown authority/,
    () => behind(target => startNginx(target, UNLIMITED, '', { certificate: pki.chain })),
  ],
  [
    'nginx that does not send the authority between',
    /check the input 'ca-file': .*its certificate is signed by an unknown authority/,
    () => nginx('leaf'),
  ],
  [
    'nginx with the certificate of another host',
    /check the input 'endpoint': .*its certificate is for another host name/,
    () => nginx('otherHost'),
  ],
  [
    'nginx with an expired certificate',
    /check the input 'endpoint': .*its certificate has expired/,
    () => nginx('expired'),
  ],
  [
    'nginx that requires a certificate of the client',
    /the proxy, firewall or web server in front of the bucket: .*a web page/,
    () =>
      behind(
        target =>
          startNginx(target, UNLIMITED, `ssl_verify_client on; ssl_client_certificate ${pki.authority};`, {
            certificate: pki.chain,
          }),
        authority,
      ),
  ],
  [
    'HAProxy whose server is down',
    /the call failed \(GetObject: 503\)/,
    () => behind(() => startHaproxy('127.0.0.1:9')),
  ],
];

describe.each(refusing)('the action behind %s', withProxies, (_, message, start) => {
  testFailingProxy(start(), message);
});

describe('the action behind nginx with TLS, with an http endpoint', withProxies, () => {
  const job = behind(async target => {
    const server = await startNginx(target, UNLIMITED, '', { certificate: pki.chain });
    return { ...server, endpoint: server.endpoint.replace('https:', 'http:') };
  });
  testFailingProxy(job, /check the input 'endpoint': .*the port expects https, and the request was http/);
});

describe('the action behind nginx without TLS, with an https endpoint', withProxies, () => {
  const job = behind(async target => {
    const server = await startNginx(target, UNLIMITED);
    return { ...server, endpoint: server.endpoint.replace('http:', 'https:') };
  });
  testFailingProxy(job, /check the input 'endpoint': .*the server does not use TLS/);
});
