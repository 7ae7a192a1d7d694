/** An issuer of OIDC tokens, such as token.actions.githubusercontent.com. */

import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, createSign, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LocalServer, listen } from './listen.ts';

export interface OidcIssuer extends LocalServer {
  /** SHA-1 of its certificate, in hex. */
  readonly thumbprint: string;
  /** Returns a token that is valid for ten minutes. */
  tokenWith(claims: Readonly<Record<string, string>>): string;
}

/** Starts an issuer. Its key set has the certificate of the key (`x5c`), which radosgw 16.2.15 requires. */
export async function startOidcIssuer(): Promise<OidcIssuer> {
  const { key, certificate } = makeKey();
  const { n, e } = key.export({ format: 'jwk' });
  const keys = [
    { kty: 'RSA', use: 'sig', alg: 'RS256', kid: '1', n, e, x5c: [certificate.toString('base64')] },
  ];
  const server = http.createServer(({ url }, to) => {
    const document = url === '/jwks' ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` };
    to.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  });
  const local = await listen(server);
  const issuer = local.endpoint;
  return {
    ...local,
    thumbprint: createHash('sha1').update(certificate).digest('hex'),
    tokenWith(claims) {
      const now = Math.floor(Date.now() / 1000);
      const head = base64url({ typ: 'JWT', alg: 'RS256', kid: '1' });
      const body = base64url({ iss: issuer, iat: now - 10, nbf: now - 10, exp: now + 600, ...claims });
      const signature = createSign('RSA-SHA256').update(`${head}.${body}`).sign(key, 'base64url');
      return `${head}.${body}.${signature}`;
    },
  };
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Makes a key and its certificate (DER). */
function makeKey() {
  const directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-issuer-'));
  try {
    const [key, certificate] = ['key.pem', 'certificate.pem'].map(name => path.join(directory, name));
    const options = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=issuer'];
    execFileSync('openssl', ['req', '-x509', ...options, '-keyout', key!, '-out', certificate!], {
      stdio: 'pipe',
    });
    return {
      key: createPrivateKey(readFileSync(key!)),
      certificate: new X509Certificate(readFileSync(certificate!)).raw,
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
