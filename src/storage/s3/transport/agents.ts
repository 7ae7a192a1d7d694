import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { readSmallFile } from '../../../archive/fs/small-file.ts';
import { StoreRefusedError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { isExcepted } from './no-proxy.ts';
import { TunnelPool } from './tunnel-pool.ts';

/** How to connect, as plain data that any thread can use. */
export interface ConnectionSettings {
  /** PEM blocks of further certificate authorities. */
  readonly authorities: string | undefined;
  readonly proxies: Proxies;
}

/** The proxies of the environment. */
interface Proxies {
  /** URLs for requests by http and by https. */
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** The hosts that they are not used for. */
  readonly noProxy: string;
}

/** The connection pools of one transport. */
export interface Agents {
  /** Returns the pool for a server: through the proxy of the environment, or past it. */
  for(secure: boolean, hostname: string, port: number): http.Agent;
  /** Destroys all connections. */
  destroy(): void;
}

/**
 * Idle connections are closed after this many ms, before servers do (AWS about 20 s, radosgw 65 s): a request on a
 * connection that the server is just closing costs a retry.
 */
const IDLE_CONNECTION_MS = 10_000;

/**
 * Reads the settings of connections.
 *
 * @throws StoreRefusedError when the file cannot be used, or the proxy cannot be checked.
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
 * Creates keep-alive pools. They have no bound of their own: the callers bound the requests in flight, and time in a
 * queue would count as time of the connection (`connectMs`). Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY),
 * which Node uses only where `proxyEnv` is set; NODE_EXTRA_CA_CERTS is part of the default authorities.
 *
 * @throws StoreRefusedError when a proxy variable is malformed.
 */
export function createAgents({ authorities, proxies }: ConnectionSettings): Agents {
  const common = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    maxSockets: Number.POSITIVE_INFINITY,
  };
  const ca = authorities === undefined ? undefined : [...tls.getCACertificates('default'), authorities];
  // Node checks an https proxy by the authorities of the thread, and has no option for others
  if (ca && hasSecureProxy(proxies)) tls.setDefaultCACertificates(ca);
  // Node gets no `no_proxy`: no-proxy.ts decides which hosts are excepted
  const proxy = { proxyEnv: { http_proxy: proxies.http, https_proxy: proxies.https } };
  const secure = {
    // Not left to NODE_TLS_REJECT_UNAUTHORIZED, which any step of a job can set
    rejectUnauthorized: true,
    // Read once: as the option `ca` each connection would read them again, which takes 13 ms and 1.4 MB (Node 24.21)
    ...(ca && { secureContext: tls.createSecureContext({ ca }) }),
  };
  try {
    const createPools = (HttpsPool: typeof https.Agent, way: http.AgentOptions) => ({
      http: new http.Agent({ ...common, ...way }),
      https: new HttpsPool({ ...common, ...secure, ...way }),
    });
    const direct = createPools(https.Agent, {});
    const proxied = createPools(proxies.https ? TunnelPool : https.Agent, proxy);
    return {
      for(isSecure, hostname, port) {
        const { http, https } = isExcepted(proxies.noProxy, hostname, port) ? direct : proxied;
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
 * Reads the proxies. Adds http:// to one without a scheme, as actions/cache and curl do; Node 24.21 would ignore it. Leaves out
 * the schemes that Node does not support, such as socks5://.
 */
function readProxies(environment: Readonly<NodeJS.ProcessEnv>): Proxies {
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || '';
  const proxy = (name: string) => {
    const value = read(name);
    const url = value === '' || value.includes('://') ? value : `http://${value}`;
    return /^https?:\/\//.test(url) ? url : undefined;
  };
  return { http: proxy('http_proxy'), https: proxy('https_proxy'), noProxy: read('no_proxy') };
}

/**
 * Returns host and port of the environment's proxy for a server, without its user and password. Returns undefined if there is
 * none.
 *
 * @param endpoint undefined means AWS.
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
  if (!proxy || isExcepted(noProxy, host, Number(port) || (isSecure ? 443 : 80))) return undefined;
  return URL.canParse(proxy) ? new URL(proxy).host : undefined;
}

/** Returns the clause that names the proxy to a server (`proxyOf`). Returns '' if there is none. */
export function throughProxy(environment: Readonly<NodeJS.ProcessEnv>, endpoint: URL | undefined): string {
  const proxy = proxyOf(environment, endpoint);
  return proxy === undefined ? '' : `; the proxy at ${proxy}`;
}

/** Refuses an https proxy if the environment turns its certificate check off, which no option of the agent can turn on. */
function refuseUncheckedProxy(proxies: Proxies, environment: Readonly<NodeJS.ProcessEnv>): void {
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED !== '0' || !hasSecureProxy(proxies)) return;
  throw new StoreRefusedError(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the certificate check of the proxy, so the proxy is not used; unset the variable',
    "the runner's environment",
  );
}

function hasSecureProxy({ http, https }: Proxies): boolean {
  return [http, https].some(proxy => proxy?.startsWith('https:'));
}

/** Bound of a ca-file in bytes. All authorities of a system have 220 KB. */
const MAX_CA_BYTES = 4 * 1024 * 1024;

function readAuthorities(file: string): string {
  let text: string;
  try {
    text = readSmallFile(file, MAX_CA_BYTES);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StoreRefusedError(
      `ca-file ${JSON.stringify(file)} cannot be read (${reason}); expected a file of PEM certificates`,
      "the input 'ca-file'",
      { cause: error },
    );
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new StoreRefusedError(
      `ca-file ${JSON.stringify(file)} holds no certificate; expected PEM blocks (-----BEGIN CERTIFICATE-----)`,
      "the input 'ca-file'",
    );
  }
  return text;
}
