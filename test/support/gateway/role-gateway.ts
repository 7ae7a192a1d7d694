/** A RADOS Gateway with an STS, and an issuer of the tokens that it trusts. */

import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/retry/clock.ts';
import { hedge } from '../../../src/retry/hedge.ts';
import { type OidcIssuer, startOidcIssuer } from '../servers/oidc-issuer.ts';
import type { UserKeys } from './bucket.ts';
import { type Gateway, startGateway } from './gateway.ts';

/** Temporary keys of a role. */
export interface RoleKeys extends UserKeys {
  readonly sessionToken: string;
}

export interface RoleGateway {
  readonly gateway: Gateway;
  readonly issuer: OidcIssuer;
  /** Runs a shell script of the operator, in which `radosgw-admin` and `aws iam` reach this gateway. */
  runScript(script: string): Promise<void>;
  /** Takes a role with a token of these claims. Resolves to undefined if the STS refuses it by 403. */
  assumeRole(arn: string, claims: Readonly<Record<string, string>>): Promise<RoleKeys | undefined>;
  stop(): Promise<void>;
}

/** @param rgwSettings further lines for the gateway's section of ceph.conf. */
export async function startRoleGateway(
  rgwSettings: Readonly<Record<string, string>> = {},
): Promise<RoleGateway> {
  const issuer = await startOidcIssuer();
  const gateway = await startGateway({
    rgwSettings: { 'rgw sts key': 'abcdefghijklmnop', 'rgw s3 auth use sts': 'true', ...rgwSettings },
  });
  await gateway.admin(['caps', 'add', '--uid=tester', '--caps=oidc-provider=*;roles=*']);
  const tools = await makeTools(gateway);
  return {
    gateway,
    issuer,
    async runScript(script) {
      const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` };
      await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { env });
    },
    assumeRole: (arn, claims) => assumeRole(gateway.endpoint, arn, issuer.tokenWith(claims)),
    async stop() {
      await issuer.close();
      await gateway.stop();
    },
  };
}

/** Makes a directory with the two programs of the operator. Returns it. */
async function makeTools(gateway: Gateway): Promise<string> {
  const tools = path.join(gateway.directory, 'tools');
  const awsIam = fileURLToPath(new URL('aws-iam.ts', import.meta.url));
  const { endpoint, region, accessKey, secretKey } = gateway;
  const programs = {
    // The gateway's own program finds the real one by PATH
    'radosgw-admin': `PATH='${process.env.PATH}' exec '${gateway.directory}/radosgw-admin' "$@" >/dev/null`,
    aws: `export GATEWAY='${JSON.stringify({ endpoint, region, accessKey, secretKey })}'\nexec '${process.execPath}' '${awsIam}' "$@"`,
  };
  await mkdir(tools);
  for (const [name, command] of Object.entries(programs)) {
    const file = path.join(tools, name);
    await writeFile(file, `#!/bin/sh\n${command}\n`);
    await chmod(file, 0o755);
  }
  return tools;
}

async function assumeRole(endpoint: string, arn: string, token: string): Promise<RoleKeys | undefined> {
  // radosgw 16.2.15 never answers one exchange in some 15,000
  const exchange = (signal: AbortSignal) => requestKeys(endpoint, arn, token, signal);
  return hedge(exchange, { afterMs: 5000, clock: systemClock, signal: AbortSignal.timeout(30_000) });
}

async function requestKeys(
  endpoint: string,
  arn: string,
  token: string,
  signal: AbortSignal,
): Promise<RoleKeys | undefined> {
  const response = await fetch(endpoint, {
    method: 'POST',
    signal,
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: arn,
      RoleSessionName: 'test',
      WebIdentityToken: token,
    }),
  });
  const text = await response.text();
  if (response.status === 403) return undefined;
  if (!response.ok) throw new Error(`AssumeRoleWithWebIdentity: ${response.status} ${text}`);
  const field = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)![1]!;
  return {
    accessKey: field('AccessKeyId'),
    secretKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
  };
}
