import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { StoreRefusedError } from '../../store-errors.ts';

/** The connection pools of one transport. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/**
 * Idle connections are closed after this many ms, before servers do (AWS about 20 s, radosgw 65 s): a request on a
 * connection that the server is just closing costs a retry.
 */
const IDLE_CONNECTION_MS = 10_000;

/**
 * Creates keep-alive pools. They have no bound of their own: the callers bound the requests in flight, and time in a
 * queue would count against the connection limit. Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY),
 * which Node honours only where `proxyEnv` is set; NODE_EXTRA_CA_CERTS is part of the default authorities.
 *
 * @param caFile a PEM file of further certificate authorities.
 * @throws StoreRefusedError when the file cannot be used or a proxy variable is malformed.
 */
export function createAgents(caFile: string | undefined): Agents {
  const common = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    maxSockets: Number.POSITIVE_INFINITY,
    proxyEnv: withSchemes(process.env),
  };
  const ca =
    caFile === undefined ? {} : { ca: [...tls.getCACertificates('default'), readAuthorities(caFile)] };
  try {
    return { http: new http.Agent(common), https: new https.Agent({ ...common, ...ca }) };
  } catch (error) {
    throw new StoreRefusedError(
      'HTTP_PROXY or HTTPS_PROXY is not a proxy URL; expected http://host:port',
      "the runner's environment",
      { cause: error },
    );
  }
}

const PROXY_VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];

/** Adds http:// to a proxy without a scheme, as actions/cache and curl do. Node 24.21 ignores such a proxy. */
function withSchemes(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const bare = PROXY_VARIABLES.filter(name => environment[name] && !environment[name].includes('://'));
  return { ...environment, ...Object.fromEntries(bare.map(name => [name, `http://${environment[name]}`])) };
}

function readAuthorities(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
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
