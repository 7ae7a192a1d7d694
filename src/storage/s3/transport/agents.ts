import { X509Certificate } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { readSmallFile } from '../../../archive/fs/small-file.ts';
import { StoreRefusedError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { bypassesProxy } from './no-proxy.ts';
import { TunnelPool } from './tunnel-pool.ts';

/** Settings of connections, as plain data that any thread can use. */
export interface ConnectionSettings {
  /** PEM blocks of additional certificate authorities. Undefined if there are none. */
  readonly authorities: string | undefined;
  readonly proxies: ReturnType<typeof readProxies>;
}

/**
 * Time in ms after which an idle connection is closed. It is shorter than on servers (AWS about 20 s, radosgw 65 s), because a
 * request on a connection that the server is closing needs a retry.
 */
const IDLE_CONNECTION_MS = 10_000;

/**
 * Reads the settings of connections.
 * @throws StoreRefusedError for a ca-file that cannot be used, or an https proxy without a certificate check.
 */
export function readConnectionSettings({
  caFile,
  environment,
}: Pick<S3Settings, 'caFile' | 'environment'>): ConnectionSettings {
  const proxies = readProxies(environment);
  refuseUncheckedProxy(proxies, environment);
  return { authorities: caFile === undefined ? undefined : readAuthorities(caFile), proxies };
}

/**
 * Creates keep-alive pools. Their size is not bounded: the callers bound the requests in flight, and time in a queue would count
 * as time of the connection (`connectMs`). NODE_EXTRA_CA_CERTS is part of the default authorities.
 * @throws StoreRefusedError when a proxy variable is malformed.
 */
export function createAgents({ authorities, proxies }: ConnectionSettings) {
  const common = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    maxSockets: Number.POSITIVE_INFINITY,
  };
  const ca = authorities === undefined ? undefined : [...tls.getCACertificates('default'), authorities];
  // Node checks an https proxy by the authorities of the thread, and has no option for others
  if (ca && hasSecureProxy(proxies)) tls.setDefaultCACertificates(ca);
  // Leaves out `no_proxy`, because no-proxy.ts decides for which hosts the proxy is not used
  const proxyOptions = { proxyEnv: { http_proxy: proxies.http, https_proxy: proxies.https } };
  const tlsOptions = {
    // Otherwise NODE_TLS_REJECT_UNAUTHORIZED decides, which any step of a job can set
    rejectUnauthorized: true,
    // The authorities are parsed once. With the option `ca` each connection would parse them (13 ms and 1.4 MB, Node 24.21)
    ...(ca && { secureContext: tls.createSecureContext({ ca }) }),
  };
  try {
    const createPools = (HttpsPool: typeof https.Agent, options: http.AgentOptions) => ({
      http: new http.Agent({ ...common, ...options }),
      https: new HttpsPool({ ...common, ...tlsOptions, ...options }),
    });
    const direct = createPools(https.Agent, {});
    const proxied = createPools(proxies.https ? TunnelPool : https.Agent, proxyOptions);
    return {
      /** Returns the pool for a server: through the proxy of the environment, or direct. */
      poolFor(isSecure: boolean, hostname: string, port: number): http.Agent {
        const { http, https } = bypassesProxy(proxies.noProxy, hostname, port) ? direct : proxied;
        return isSecure ? https : http;
      },
      destroy() {
        for (const { http, https } of [direct, proxied]) {
          http.destroy();
          https.destroy();
        }
      },
    };
  } catch (error) {
    throw new StoreRefusedError(
      'HTTP_PROXY or HTTPS_PROXY is not a proxy URL; expected http://host:port',
      "the runner's environment",
      { cause: error },
    );
  }
}

/**
 * Reads the proxies from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Adds http:// to a proxy without a scheme, as actions/cache and curl
 * do; Node 24.21 would ignore it. Leaves out schemes that Node does not support, such as socks5://.
 */
function readProxies(environment: Readonly<NodeJS.ProcessEnv>) {
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || '';
  const proxy = (name: string) => {
    const value = read(name);
    const url = value === '' || value.includes('://') ? value : `http://${value}`;
    return /^https?:\/\//.test(url) ? url : undefined;
  };
  return {
    /** URLs of the proxies for requests by http and by https. */
    http: proxy('http_proxy'),
    https: proxy('https_proxy'),
    /** The hosts for which they are not used, as in NO_PROXY. */
    noProxy: read('no_proxy'),
  };
}

/**
 * Returns host and port of the environment's proxy for a server, without user and password. Returns undefined if there is none.
 * @param endpoint the server. Undefined means AWS.
 */
export function proxyOf(
  environment: Readonly<NodeJS.ProcessEnv>,
  endpoint = new URL('https://s3.amazonaws.com'),
): string | undefined {
  const { hostname, port, protocol } = endpoint;
  const isSecure = protocol === 'https:';
  const { noProxy, ...proxies } = readProxies(environment);
  const proxy = isSecure ? proxies.https : proxies.http;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (!proxy || bypassesProxy(noProxy, host, Number(port) || (isSecure ? 443 : 80))) return undefined;
  return URL.canParse(proxy) ? new URL(proxy).host : undefined;
}

/** Returns a clause that names the proxy for a server (`proxyOf`). Returns '' if there is none. */
export function describeProxy(environment: Readonly<NodeJS.ProcessEnv>, endpoint: URL | undefined): string {
  const proxy = proxyOf(environment, endpoint);
  return proxy === undefined ? '' : `; the proxy at ${proxy}`;
}

/** Refuses an https proxy if the environment turns off its certificate check, which no option of an agent can turn on. */
function refuseUncheckedProxy(
  proxies: ConnectionSettings['proxies'],
  environment: Readonly<NodeJS.ProcessEnv>,
): void {
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED !== '0' || !hasSecureProxy(proxies)) return;
  throw new StoreRefusedError(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the certificate check of the proxy, so the proxy is not used; unset the variable',
    "the runner's environment",
  );
}

function hasSecureProxy({ http, https }: ConnectionSettings['proxies']): boolean {
  return [http, https].some(proxy => proxy?.startsWith('https:'));
}

/** Limit on a ca-file in bytes. The authorities of a system take 220 KB. */
const MAX_CA_BYTES = 4 * 1024 * 1024;

function readAuthorities(file: string): string {
  let text: string;
  try {
    text = readSmallFile(file, MAX_CA_BYTES);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StoreRefusedError(
      `the file ${JSON.stringify(file)} cannot be read (${reason}); expected PEM certificates`,
      { input: 'ca-file' },
      { cause: error },
    );
  }
  try {
    // Checks only the first certificate, because each takes 0.3 ms. OpenSSL silently skips those that it cannot read
    new X509Certificate(text.slice(text.indexOf('-----BEGIN CERTIFICATE-----')));
  } catch (error) {
    throw new StoreRefusedError(
      `the file ${JSON.stringify(file)} has no certificate that can be read; expected PEM blocks (-----BEGIN CERTIFICATE-----)`,
      { input: 'ca-file' },
      { cause: error },
    );
  }
  return text;
}
