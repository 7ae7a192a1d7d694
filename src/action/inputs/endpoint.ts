import { isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BadInputError } from './bad-input.ts';
import type { BucketInputs } from './inputs.ts';

/** Where the input `endpoint` leads: a server, a directory of this host, or (undefined) AWS. */
export type Endpoint =
  | { readonly kind: 'server'; readonly url: URL }
  | { readonly kind: 'directory'; readonly path: string }
  | undefined;

const FORMS = 'a host, host:port, http(s)://host[:port] or file:///directory';

/**
 * Reads `endpoint` together with `port` and `insecure`. No scheme means https, with `insecure: true` http. Throws
 * `BadInputError` for anything else, for a scheme that contradicts `insecure`, and for two ports. A URL with a user
 * name is refused without being shown: it may hold a password.
 */
export function parseEndpoint(inputs: Pick<BucketInputs, 'endpoint' | 'port' | 'insecure'>): Endpoint {
  const { endpoint, port, insecure } = inputs;
  if (endpoint === '') {
    if (port === undefined) return undefined;
    throw new BadInputError(`Input 'port' is '${port}', but input 'endpoint' names no host for it.`);
  }
  if (endpoint.includes('@')) {
    throw new BadInputError(
      `Input 'endpoint' holds a user name, but credentials go into 'accessKey' and 'secretKey': expected is ${FORMS}.`,
    );
  }
  if (/^file:/i.test(endpoint)) return { kind: 'directory', path: directoryOf(endpoint) };
  return { kind: 'server', url: serverOf(endpoint, port, insecure) };
}

function serverOf(endpoint: string, port: number | undefined, insecure: boolean | undefined): URL {
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(endpoint)!;
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?)(?::(\d{1,5}))?\/?$/i.exec(rest);
  const known = scheme === undefined || /^https?$/i.test(scheme);
  // Only of what is refused anyway: Node takes 4 ms to compile its expression for this
  if (parts === null && isIPv6(rest.replace(/\/$/, ''))) {
    throw new BadInputError(
      `Input 'endpoint' is '${endpoint}', but an IPv6 address has to stand in brackets, as in [fd00::1]:7480.`,
    );
  }
  const ownPort = parts?.[2];
  if (parts === null || !known || (ownPort !== undefined && !isPort(Number(ownPort)))) {
    throw new BadInputError(`Input 'endpoint' is '${endpoint}', but it has to be ${FORMS}.`);
  }
  if (ownPort !== undefined && port !== undefined) {
    throw new BadInputError(
      `Input 'port' is '${port}', but input 'endpoint' ('${endpoint}') names a port as well: give one of them.`,
    );
  }
  const secure = scheme === undefined ? insecure !== true : scheme.toLowerCase() === 'https';
  if (insecure === secure) {
    throw new BadInputError(
      `Input 'endpoint' is '${endpoint}', but input 'insecure' is '${insecure}', which means ${insecure ? 'http' : 'https'}: give one of them.`,
    );
  }
  const chosen = ownPort ?? port;
  const text = `${secure ? 'https' : 'http'}://${parts[1]}${chosen === undefined ? '' : `:${chosen}`}`;
  if (!URL.canParse(text)) {
    throw new BadInputError(`Input 'endpoint' is '${endpoint}', but it has to be ${FORMS}.`);
  }
  return new URL(text);
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65535;
}

function directoryOf(endpoint: string): string {
  const refused = new BadInputError(
    `Input 'endpoint' is '${endpoint}', but the URL of a directory has to be file:///<absolute path>.`,
  );
  if (!/^file:\/\/\/[^/]/i.test(endpoint)) throw refused;
  try {
    return fileURLToPath(endpoint);
  } catch {
    throw refused;
  }
}
