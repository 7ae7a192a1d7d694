import { isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { BucketInputs } from './inputs.ts';
import { BadInputError, quoteValue } from './read-input.ts';

/** The store that input `endpoint` names: a server, a directory of this host, or (undefined) AWS. */
type Endpoint =
  | { readonly kind: 'server'; readonly url: URL }
  | { readonly kind: 'directory'; readonly path: string }
  | undefined;

/** Limit of DNS on a host name, in characters. */
const MAX_HOST_LENGTH = 253;

const isWindows = process.platform === 'win32';
/** The forms of the inputs that name a server. */
const FORMS = {
  endpoint: `a host, host:port, http(s)://host[:port] or ${isWindows ? 'file:///C:/directory' : 'file:///directory'}`,
  'sts-endpoint': 'a host, host:port or http(s)://host[:port]',
} as const;

/**
 * Parses `endpoint` together with `port` and `insecure`. Without a scheme, an endpoint is https, or http with
 * `insecure: true`. Throws `BadInputError` for any other form, for a scheme that contradicts `insecure`, and for two ports.
 * The message about a URL with a user name does not quote the URL, since it may contain a password.
 */
export function parseEndpoint(inputs: Pick<BucketInputs, 'endpoint' | 'port' | 'insecure'>): Endpoint {
  const { endpoint, port } = inputs;
  if (endpoint === '') {
    if (port === undefined) return undefined;
    throw new BadInputError(
      'port',
      name => `is '${port}', but ${name('endpoint')} is empty: set the host there.`,
    );
  }
  if (endpoint.includes('@')) {
    throw new BadInputError(
      'endpoint',
      `contains a user name, but it must be ${FORMS.endpoint}: credentials belong in 'accessKey' and 'secretKey'.`,
    );
  }
  if (/^file:/i.test(endpoint)) return { kind: 'directory', path: parseDirectory(endpoint) };
  return { kind: 'server', url: parseServer('endpoint', endpoint, inputs) };
}

/**
 * Parses `sts-endpoint`. If it is empty, the STS is the bucket's own server. Returns undefined for the STS of AWS.
 *
 * The token that is sent there gives the rights of the role, and the response contains the role's keys. So http is refused,
 * except to this machine. Throws `BadInputError`.
 */
export function parseStsEndpoint(
  { stsEndpoint }: Pick<BucketInputs, 'stsEndpoint'>,
  server: URL | undefined,
): URL | undefined {
  if (stsEndpoint.includes('@')) {
    throw new BadInputError('sts-endpoint', `contains a user name, but it must be ${FORMS['sts-endpoint']}.`);
  }
  const url = stsEndpoint === '' ? server : parseServer('sts-endpoint', stsEndpoint);
  if (url?.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new BadInputError(
      'sts-endpoint',
      stsEndpoint === ''
        ? `is missing: the bucket's server is used with http, which would show the run's token to the network. Set an https URL.`
        : `is ${quoteValue(stsEndpoint)}, but http would show the run's token to the network: use https.`,
    );
  }
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function parseServer(
  input: keyof typeof FORMS,
  text: string,
  { port, insecure }: Partial<Pick<BucketInputs, 'port' | 'insecure'>> = {},
): URL {
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text)!;
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?)(?::(\d{1,5}))?\/?$/i.exec(rest);
  const isHttp = scheme === undefined || /^https?$/i.test(scheme);
  const bad = (problem: string) => new BadInputError(input, `is ${quoteValue(text)}, but ${problem}.`);
  // This is called only if the pattern has failed, because Node.js takes 4 ms to compile its expression for IPv6
  if (parts === null && isIPv6(rest.replace(/\/$/, ''))) {
    throw bad('an IPv6 address must be in brackets, as in [fd00::1]:7480');
  }
  const ownPort = parts?.[2];
  if (
    parts === null ||
    parts[1]!.length > MAX_HOST_LENGTH ||
    !isHttp ||
    (ownPort !== undefined && !(Number(ownPort) >= 1 && Number(ownPort) <= 65535))
  ) {
    throw bad(`it must be ${FORMS[input]}`);
  }
  if (ownPort !== undefined && port !== undefined) {
    throw new BadInputError(
      'port',
      name => `is '${port}', but ${name(input)} is ${quoteValue(text)}: set the port in one of them.`,
    );
  }
  const isSecure = scheme === undefined ? insecure !== true : scheme.toLowerCase() === 'https';
  if (insecure === isSecure) {
    throw new BadInputError(
      'insecure',
      name =>
        `is '${insecure}', which means ${insecure ? 'http' : 'https'}, but ${name(input)} is ${quoteValue(text)}: remove this input, or change the scheme.`,
    );
  }
  const urlPort = ownPort ?? port;
  const url = `${isSecure ? 'https' : 'http'}://${parts[1]}${urlPort === undefined ? '' : `:${urlPort}`}`;
  if (!URL.canParse(url)) throw bad(`it must be ${FORMS[input]}`);
  return new URL(url);
}

const DIRECTORY_FORM = isWindows ? 'file:///C:/<path>' : 'file:///<absolute path>';

function parseDirectory(endpoint: string): string {
  const bad = new BadInputError(
    'endpoint',
    `is ${quoteValue(endpoint)}, but the URL of a directory must be ${DIRECTORY_FORM}.`,
  );
  if (!/^file:\/\/\/[^/]/i.test(endpoint)) throw bad;
  let directory: string;
  try {
    directory = fileURLToPath(endpoint);
  } catch {
    throw bad;
  }
  if (directory.includes('\0')) throw bad;
  return directory;
}
