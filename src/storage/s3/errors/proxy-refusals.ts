import { StoreRefusedError } from '../../store-errors.ts';
import type { S3Settings } from '../s3-settings.ts';
import { proxyOf } from '../transport/agents.ts';
import type { Refusal } from './refusals.ts';
import { ResponseError } from './response-error.ts';

/**
 * Explains the refusal of a proxy, of a login page, or of a port with another protocol. Returns undefined for a refusal of an
 * S3 server, and for one of an unknown form.
 */
export function proxyRefusal(error: unknown, settings: S3Settings): Refusal | undefined {
  if (tunnelStatus(error) === 407) return proxyLogin(settings, 'CONNECT: 407');
  if (!(error instanceof ResponseError)) return undefined;
  const { status, text, headers } = error;
  // 304 is no redirect
  if (status >= 300 && status < 400 && status !== 304) return redirectRefusal(headers, settings);
  if (status === 413) {
    return [
      'the limit on the size of a body',
      'the server, or a proxy in front of it, refuses the body as too large (nginx: client_max_body_size)',
    ];
  }
  if (text.includes('<Code>')) return undefined;
  if (status === 400 && PLAIN_HTTP.test(text)) {
    return [{ input: 'insecure' }, 'the port expects https, and the request was http'];
  }
  if (status === 407) return proxyLogin(settings, '407');
  if (status >= 400 && (isWebPage(headers['content-type']) || /^\s*<html\b/i.test(text))) {
    return [
      'the proxy, firewall or web server in front of the bucket',
      'it refused the request with a web page, which no S3 server sends',
    ];
  }
  // A request by https passes the proxy in a tunnel, so the proxy cannot respond to it
  const proxy = settings.endpoint?.protocol === 'http:' && proxyOf(settings.environment, settings.endpoint);
  if (status === 403 && proxy) {
    return [
      proxyVariable(settings),
      `the proxy at ${proxy}, or the server behind it, refused the call without a code of S3`,
    ];
  }
  return undefined;
}

function proxyLogin(settings: S3Settings, response: string): Refusal {
  const { environment, endpoint } = settings;
  const proxy = proxyOf(environment, endpoint) ?? 'an unknown address';
  return [proxyVariable(settings), `the proxy requires a user name and password (${proxy}, ${response})`];
}

/** Returns the variable that names the proxy of the endpoint: curl's name, in lower case, takes precedence. */
function proxyVariable({ environment, endpoint }: S3Settings): string {
  const name = endpoint?.protocol === 'http:' ? 'http_proxy' : 'https_proxy';
  return environment[name] ? name : name.toUpperCase();
}

/** Returns the status with which a proxy refused CONNECT. Returns undefined for another failure. */
export function tunnelStatus(error: unknown): number | undefined {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  return code === 'ERR_PROXY_TUNNEL' && typeof statusCode === 'number' ? statusCode : undefined;
}

/** Responses of nginx, Go's net/http (MinIO, Traefik, Caddy) and Apache to plain http on a TLS port. */
const PLAIN_HTTP =
  /plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server|speaking plain HTTP to an SSL/i;

/** Returns whether this is the Content-Type of a web page. Objects of the cache have another one. */
export function isWebPage(contentType: string | undefined): boolean {
  return /^text\/html\b/i.test(contentType ?? '');
}

/** Makes the error for a successful response with a web page in place of the object `name`. */
export function webPageError(name: string): StoreRefusedError {
  return new StoreRefusedError(
    `${name}: the response is a web page, such as a login page, so this is no S3 server`,
    { input: 'endpoint' },
  );
}

function redirectRefusal(headers: ResponseError['headers'], { endpoint }: S3Settings): Refusal {
  const { location = '' } = headers;
  const base = endpoint?.href ?? 'https://s3.amazonaws.com';
  const target = location !== '' && URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (/(?:^|\.)amazonaws\.com(?:\.cn)?$/.test((target ?? new URL(base)).hostname)) {
    return [{ input: 'region' }, 'the endpoint redirects to another URL'];
  }
  if (
    endpoint?.protocol === 'http:' &&
    target?.protocol === 'https:' &&
    target.hostname === endpoint.hostname
  ) {
    return [{ input: 'insecure' }, 'the server redirects http to https; use https'];
  }
  return [
    { input: 'endpoint' },
    `it redirects to ${target?.host ? target.origin.slice(0, 100) : 'another URL'}, as a proxy or a login page does`,
  ];
}
