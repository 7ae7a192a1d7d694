import { writeFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createAgents, readConnectionSettings } from '../../../../src/storage/s3/transport/agents.ts';
import type { Setting } from '../../../../src/storage/store-errors.ts';
import { scratch } from '../../../support/scratch.ts';
import { NO_PROXIES } from './use-transport.ts';

const [PEM = ''] = tls.rootCertificates;

const read = (environment: NodeJS.ProcessEnv, caFile?: string) =>
  readConnectionSettings({ environment, caFile });

const refusalOf = (setting: Setting, message: unknown) =>
  expect.objectContaining({ name: 'StoreRefusedError', settings: [setting], message });

test('connection settings have the proxies of the environment, with http:// before those without a scheme, and no other variable', () => {
  const environment = {
    http_proxy: 'proxy:3128',
    HTTPS_PROXY: 'https://proxy:3129',
    HTTP_PROXY: '',
    NO_PROXY: 'localhost',
    PATH: '/bin',
  };
  expect(read(environment)).toEqual({
    authorities: undefined,
    proxies: { http: 'http://proxy:3128', https: 'https://proxy:3129', noProxy: 'localhost' },
  });
});

test('connections check certificates, whatever NODE_TLS_REJECT_UNAUTHORIZED is', () => {
  const agents = createAgents({ authorities: PEM, proxies: { ...NO_PROXIES, https: 'http://proxy:3128' } });
  for (const host of ['a', 'b'])
    expect(agents.poolFor(true, host, 443)).toMatchObject({ options: { rejectUnauthorized: true } });
  agents.destroy();
});

test('the authorities of a ca-file and of the system are read once for all connections', () => {
  const createContext = vi.spyOn(tls, 'createSecureContext');
  onTestFinished(() => createContext.mockRestore());
  const proxies = { ...NO_PROXIES, https: 'http://proxy:3128', noProxy: 'direct' };
  const agents = createAgents({ authorities: PEM, proxies });
  onTestFinished(() => agents.destroy());
  expect(createContext.mock.calls).toEqual([[{ ca: [...tls.getCACertificates('default'), PEM] }]]);
  const secureContext: unknown = createContext.mock.results[0]?.value;
  for (const host of ['direct', 'other']) {
    const { options } = agents.poolFor(true, host, 443) as unknown as { options: tls.ConnectionOptions };
    expect(options.secureContext).toBe(secureContext);
    expect(options.ca).toBeUndefined();
  }
});

test('an https proxy is checked by the authorities of a ca-file too, and the thread has one copy of them', () => {
  const before = tls.getCACertificates('default');
  const createContext = vi.spyOn(tls, 'createSecureContext');
  onTestFinished(() => {
    createContext.mockRestore();
    tls.setDefaultCACertificates(before);
  });
  const [authorities, ...others] = tls.rootCertificates;
  tls.setDefaultCACertificates(others);
  for (let i = 0; i < 3; i++) {
    createAgents({ authorities, proxies: { ...NO_PROXIES, https: 'https://proxy:3129' } }).destroy();
    expect(tls.getCACertificates('default')).toHaveLength(tls.rootCertificates.length);
  }
  expect(createContext.mock.calls[0]?.[0]?.ca).toHaveLength(tls.rootCertificates.length);
});

test('hosts in NO_PROXY have pools without the proxy, and http and https have different pools', () => {
  const agents = createAgents({
    authorities: undefined,
    proxies: { ...NO_PROXIES, http: 'http://proxy:3128', noProxy: 'direct' },
  });
  const pools = [
    agents.poolFor(false, 'direct', 80),
    agents.poolFor(false, 'other', 80),
    agents.poolFor(true, 'direct', 443),
    agents.poolFor(true, 'other', 443),
  ];
  expect(new Set(pools).size).toBe(4);
  expect(agents.poolFor(false, 'third', 80)).toBe(pools[1]);
  agents.destroy();
});

test('a proxy variable that is no URL is refused with a message that does not contain its password', () => {
  const settings = read({ HTTPS_PROXY: 'http://user:hush@[broken' });
  expect(() => createAgents(settings)).toThrow(
    refusalOf("the runner's environment", expect.not.stringContaining('hush')),
  );
});

test('a proxy by https is refused where the environment turns off the check of its certificate', () => {
  const environment = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const proxy = { HTTPS_PROXY: 'https://proxy.example.org:3128' };
  expect(() => read({ ...environment, ...proxy })).toThrow(
    refusalOf("the runner's environment", expect.any(String)),
  );
  expect(() => read({ ...environment, HTTPS_PROXY: 'http://proxy.example.org:3128' })).not.toThrow();
  expect(() => read(proxy)).not.toThrow();
});

test.each<[string, string | Buffer | undefined, string]>([
  ['does not exist', undefined, 'cannot be read (ENOENT)'],
  ['has no certificate', 'text', 'has no certificate that can be read'],
  ['has a cut certificate', PEM.slice(0, 200), 'has no certificate that can be read'],
  ['has over 4 MiB', Buffer.alloc(4 * 1024 * 1024 + 1), 'cannot be read ('],
])('a ca-file that %s is refused with a message that names it', (_, content, reason) => {
  const file = path.join(scratch(), 'ca.pem');
  if (content !== undefined) writeFileSync(file, content);
  expect(() => read({}, file)).toThrow(
    refusalOf({ input: 'ca-file' }, expect.stringContaining(`the file ${JSON.stringify(file)} ${reason}`)),
  );
});

test('a ca-file of certificates is read whole', () => {
  const file = path.join(scratch(), 'ca.pem');
  writeFileSync(file, `# comment\n${PEM}`);
  expect(read({}, file).authorities).toBe(`# comment\n${PEM}`);
});
