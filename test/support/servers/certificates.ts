import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { openssl, skipWithout } from '../platform-needs.ts';

/** Files of certificates for the address 127.0.0.1, in PEM. */
export interface Certificates {
  /** The root authority, which no system knows. */
  readonly authority: string;
  /** Certificate and key of a server, with the authority between it and the root. */
  readonly chain: string;
  /** The same without that authority. */
  readonly leaf: string;
  /** Of a server with another name. */
  readonly otherHost: string;
  /** Of a server, expired since yesterday. */
  readonly expired: string;
}

/** Makes certificates in a directory, by openssl. Without it, skips the test that runs, or throws outside of tests. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  skipWithout(openssl);
  await fs.mkdir(directory, { recursive: true });
  const at = (name: string) => path.join(directory, name);
  const run = (...words: string[]) => execFileSync('openssl', words, { stdio: 'pipe' });
  const text = (name: string) => fs.readFile(at(name), 'utf8');
  const key = (name: string) =>
    run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', at(`${name}.key`));
  const sign = async (name: string, issuer: string, extensions: string, days = '30') => {
    key(name);
    await fs.writeFile(at(`${name}.ext`), extensions);
    run('req', '-new', '-key', at(`${name}.key`), '-subj', `/CN=${name}`, '-out', at(`${name}.csr`));
    const by = ['-CA', at(`${issuer}.pem`), '-CAkey', at(`${issuer}.key`), '-CAcreateserial'];
    const out = ['-days', days, '-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`)];
    run('x509', '-req', '-in', at(`${name}.csr`), ...by, ...out);
  };
  key('root');
  run('req', '-x509', '-key', at('root.key'), '-subj', '/CN=root', '-days', '30', '-out', at('root.pem'));
  await sign('between', 'root', 'basicConstraints=critical,CA:TRUE\n');
  await sign('server', 'between', 'subjectAltName=IP:127.0.0.1\n');
  await sign('other', 'between', 'subjectAltName=DNS:other.example.com\n');
  await sign('expired', 'between', 'subjectAltName=IP:127.0.0.1\n', '-1');
  const join = async (name: string, ...parts: string[]) => {
    await fs.writeFile(at(name), (await Promise.all(parts.map(text))).join(''));
    return at(name);
  };
  return {
    authority: at('root.pem'),
    chain: await join('chain', 'server.pem', 'between.pem', 'server.key'),
    leaf: await join('leaf', 'server.pem', 'server.key'),
    otherHost: await join('other', 'other.pem', 'between.pem', 'other.key'),
    expired: await join('old', 'expired.pem', 'between.pem', 'expired.key'),
  };
}
