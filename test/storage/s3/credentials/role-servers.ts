import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type Clock, systemClock } from '../../../../src/retry/clock.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import type { CallerOptions } from '../../../../src/storage/s3/calls/caller.ts';
import type { RoleSettings, S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import { type LocalServer, listen } from '../../../support/servers/listen.ts';
import { startTokenService, type TokenService } from '../../../support/servers/token-service.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { openStore } from '../support.ts';

/** A run of main, as its token describes it. */
export const CLAIMS = {
  iss: 'https://issuer.example',
  aud: 'sts.amazonaws.com',
  sub: 'repo:o/r:ref:refs/heads/main',
  repository_id: '1',
  ref: 'refs/heads/main',
  event_name: 'push',
};
export const SHOWN =
  'iss=https://issuer.example, aud=sts.amazonaws.com, sub=repo:o/r:ref:refs/heads/main, repository_id=1, ref=refs/heads/main, event_name=push';
export const ROLE = 'arn:aws:iam:::role/ci-main';
export const [SECRET, SESSION] = ['role-secret-0123456789', 'role-session-0123456789'];

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
export const tokenOf = (claims: object) => `${base64url({ alg: 'RS256' })}.${base64url(claims)}.c2lnbmF0dXJl`;

export const keysFor = (minutes: number, id = 'role-key') =>
  `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${SECRET}</SecretAccessKey><SessionToken>${SESSION}</SessionToken><Expiration>${new Date(Date.now() + minutes * 60_000).toISOString()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;

/** The response of a server whose policy refuses. */
export const denied = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message></Message></Error>';

/** A clock whose timers take a twentieth of their time. */
export const fastClock: Clock = { ...systemClock, after: (ms, then) => systemClock.after(ms / 20, then) };

export type StsAnswer = (to: ServerResponse, body: URLSearchParams) => void;

/** The runner's token service, and a gateway with its STS at `/` and an empty bucket below. Each test gets new ones. */
export interface RoleServers {
  readonly tokens: TokenService;
  readonly gateway: LocalServer;
  onToken: (audience: string, to: ServerResponse) => string | undefined;
  onExchange: StsAnswer;
  onCall: (from: IncomingMessage, to: ServerResponse) => void;
  /** The calls of the bucket, the requests to the STS, the masked secrets and the lines of the debug log so far. */
  readonly calls: IncomingMessage[];
  readonly exchanges: URLSearchParams[];
  readonly masked: string[];
  readonly debug: string[];
  /** The settings of the role that a store takes. */
  role(): RoleSettings;
  /** Opens a store that takes a role. */
  open(settings?: Partial<S3Settings>, options?: Partial<CallerOptions>): ObjectStore;
  /** Returns the error of a read of the bucket. No secret may be in it. */
  failureOf(settings?: Partial<S3Settings>, options?: Partial<CallerOptions>): Promise<Error>;
}

/** Call it once at the top of a test file. */
export function useRoleServers(): RoleServers {
  const servers = {} as { -readonly [Name in keyof RoleServers]: RoleServers[Name] };

  beforeEach(async () => {
    Object.assign(servers, { calls: [], exchanges: [], masked: [], debug: [] });
    servers.onToken = audience => tokenOf({ ...CLAIMS, aud: audience });
    servers.onExchange = to => to.end(keysFor(60));
    servers.onCall = (_, to) => to.writeHead(404).end();
    servers.tokens = await startTokenService((...request) => servers.onToken(...request));
    servers.gateway = await listen(
      http.createServer(async (from, to) => {
        const body = await text(from);
        if (from.method === 'POST' && from.url === '/') {
          servers.exchanges.push(new URLSearchParams(body));
          return servers.onExchange(to, servers.exchanges.at(-1)!);
        }
        servers.calls.push(from);
        servers.onCall(from, to);
      }),
    );
    for (const [name, value] of Object.entries(servers.tokens.environment)) vi.stubEnv(name, value);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await servers.tokens.close();
    await servers.gateway.close();
  });

  servers.role = () => ({
    arn: ROLE,
    input: 'role-to-assume',
    audience: 'sts.amazonaws.com',
    stsEndpoint: new URL(servers.gateway.endpoint),
  });

  servers.open = (settings = {}, options = {}) => {
    const role = servers.role();
    return openStore(
      { endpoint: role.stsEndpoint, credentials: undefined, role, attempts: 1, ...settings },
      {
        mask: secret => servers.masked.push(secret),
        log: { ...silentLog, debug: line => servers.debug.push(line) },
        ...options,
      },
    );
  };

  servers.failureOf = async (settings, options) => {
    const store = servers.open(settings, options);
    try {
      const error = (await store.head('x').catch(error => error)) as Error;
      for (const line of [error.message, ...servers.debug]) {
        expect(line).not.toMatch(/eyJ|c2lnbmF0dXJl|bearer/);
      }
      return error;
    } finally {
      store.close();
    }
  };
  return servers;
}
