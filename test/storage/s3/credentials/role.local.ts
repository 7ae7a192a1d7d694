import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../../../src/retry/clock.ts';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import type { S3StoreOptions } from '../../../../src/storage/s3/s3-store.ts';
import { closedEndpoint, type LocalServer, listen } from '../../../support/servers/listen.ts';
import { startTokenService, type TokenService } from '../../../support/servers/token-service.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { openStore } from '../support.ts';

/** A run of main, as its token describes it. */
const CLAIMS = {
  aud: 'sts.amazonaws.com',
  sub: 'repo:o/r:ref:refs/heads/main',
  repository_id: '1',
  ref: 'refs/heads/main',
  event_name: 'push',
};
const SHOWN =
  'aud=sts.amazonaws.com, sub=repo:o/r:ref:refs/heads/main, repository_id=1, ref=refs/heads/main, event_name=push';
const ROLE = 'arn:aws:iam:::role/ci-main';
const [SECRET, SESSION] = ['role-secret-0123456789', 'role-session-0123456789'];

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = (claims: object) => `${base64url({ alg: 'RS256' })}.${base64url(claims)}.c2lnbmF0dXJl`;

const keysFor = (minutes: number, id = 'role-key') =>
  `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${SECRET}</SecretAccessKey><SessionToken>${SESSION}</SessionToken><Expiration>${new Date(Date.now() + minutes * 60_000).toISOString()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;

type Answer = (to: ServerResponse, body: URLSearchParams) => void;

let tokens: TokenService;
/** A gateway: its STS at `/`, and an empty bucket below. */
let gateway: LocalServer;
let onToken: (audience: string, to: ServerResponse) => string | undefined;
let onExchange: Answer;
let onCall: (from: IncomingMessage, to: ServerResponse) => void;
let calls: IncomingMessage[];
let exchanges: URLSearchParams[];
const masked: string[] = [];

beforeEach(async () => {
  onToken = audience => tokenOf({ ...CLAIMS, aud: audience });
  onExchange = to => to.end(keysFor(60));
  onCall = (_, to) => to.writeHead(404).end();
  [calls, exchanges] = [[], []];
  masked.length = 0;
  tokens = await startTokenService((...request) => onToken(...request));
  gateway = await listen(
    http.createServer(async (from, to) => {
      const body = await text(from);
      if (from.method === 'POST' && from.url === '/') {
        exchanges.push(new URLSearchParams(body));
        return onExchange(to, exchanges.at(-1)!);
      }
      calls.push(from);
      onCall(from, to);
    }),
  );
  for (const [name, value] of Object.entries(tokens.environment)) vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await tokens.close();
  await gateway.close();
});

const debug: string[] = [];

function open(settings: Partial<S3Settings> = {}, options: Partial<S3StoreOptions> = {}) {
  debug.length = 0;
  const endpoint = new URL(gateway.endpoint);
  const role = {
    arn: ROLE,
    input: 'role-to-assume',
    audience: 'sts.amazonaws.com',
    stsEndpoint: endpoint,
  } as const;
  return openStore(
    { endpoint, credentials: undefined, role, attempts: 1, ...settings },
    {
      mask: secret => masked.push(secret),
      log: { ...silentLog, debug: line => debug.push(line) },
      ...options,
    },
  );
}

/** Returns the error of a read of the bucket. No secret may be in it. */
async function failureOf(settings: Partial<S3Settings> = {}, options: Partial<S3StoreOptions> = {}) {
  const store = open(settings, options);
  try {
    const error = (await store.head('x').catch(error => error)) as Error & { setting?: string };
    for (const line of [error.message, ...debug]) expect(line).not.toMatch(/eyJ|c2lnbmF0dXJl|bearer/);
    return error;
  } finally {
    store.close();
  }
}

async function endless(to: ServerResponse): Promise<void> {
  const write = () => {
    while (!to.destroyed && to.write('x'.repeat(65_536)));
  };
  to.on('drain', write);
  write();
}

function switchProtocols(to: ServerResponse): void {
  to.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
}

/** Makes long limits pass at once. */
const fastClock: Clock = { ...systemClock, after: (ms, then) => systemClock.after(ms / 20, then) };

describe('a role', () => {
  test('is taken with a new token of the run, and its keys sign the calls', async () => {
    vi.stubEnv('GITHUB_RUN_ID', '4711');
    vi.stubEnv('GITHUB_RUN_ATTEMPT', '2');
    const store = open();
    expect(await store.head('x')).toBeUndefined();
    expect(await store.head('y')).toBeUndefined();
    store.close();
    expect(tokens.audiences).toEqual(['sts.amazonaws.com']);
    expect(Object.fromEntries(exchanges[0]!)).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: ROLE,
      RoleSessionName: 'cache-s3-4711-2',
      WebIdentityToken: tokenOf(CLAIMS),
    });
    expect(exchanges).toHaveLength(1);
    for (const { headers } of calls) {
      expect(headers.authorization).toContain('Credential=role-key/');
      expect(headers['x-amz-security-token']).toBe(SESSION);
    }
    expect(masked).toEqual([tokenOf(CLAIMS), SECRET, SESSION]);
  });

  test('is taken before the keys of the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const store = open();
    await store.head('x');
    store.close();
    expect(calls[0]?.headers.authorization).toContain('Credential=role-key/');
  });

  test('is taken once more, with a new token, before its keys expire', async () => {
    onExchange = to => to.end(keysFor(exchanges.length === 1 ? 4 : 60, `key-${exchanges.length}`));
    const store = open();
    for (const name of ['x', 'y', 'z']) await store.head(name);
    store.close();
    const keys = calls.map(({ headers }) => /Credential=([^/]*)/.exec(headers.authorization ?? '')?.[1]);
    expect([exchanges.length, tokens.audiences.length]).toEqual([2, 2]);
    expect(keys.slice(1)).toEqual(['key-2', 'key-2']);
  });

  test('is used to the end of its keys if it cannot be taken once more', async () => {
    onExchange = to => (exchanges.length === 1 ? to.end(keysFor(4)) : to.writeHead(500).end());
    const store = open();
    for (const name of ['x', 'y', 'z']) expect(await store.head(name)).toBeUndefined();
    store.close();
    expect(exchanges).toHaveLength(2);
  });

  test.each([500, 503, 409])('is requested again from an STS that returns %i for a moment', async status => {
    onExchange = to => (exchanges.length === 1 ? to.writeHead(status).end() : to.end(keysFor(60)));
    const store = open({ attempts: 2 });
    expect(await store.head('x')).toBeUndefined();
    store.close();
  });
});

const denied = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message></Message></Error>';
const stsError = (code: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>No provider for ${tokenOf(CLAIMS)}</Message></Error></ErrorResponse>`;

describe('a role that the run does not get', () => {
  test('because of its policy is explained by the claims of the token', async () => {
    onExchange = to => to.writeHead(403).end(denied);
    expect(await failureOf()).toMatchObject({
      name: 'PolicyRefusedError',
      setting: "the input 'role-to-assume'",
      message: `STS at ${gateway.endpoint}: this run may not take the role ${ROLE} (403 AccessDenied): there is no such role, its trust policy does not fit the token, or the STS is turned off; the token has ${SHOWN}`,
    });
    expect(calls).toEqual([]);
  });

  test.each<[string, number, string, string, string]>([
    [
      'the audience',
      400,
      stsError('InvalidIdentityToken'),
      "the input 'audience'",
      'it does not accept the token: the audience does not fit, or the provider of the token is not set up (400 InvalidIdentityToken)',
    ],
    [
      'an expired token',
      400,
      stsError('ExpiredTokenException'),
      'the clock of the STS',
      'the token has expired (400 ExpiredTokenException)',
    ],
    ['a server without an STS', 405, '', "the input 'sts-endpoint'", 'it is no STS (405)'],
    [
      'a redirect',
      302,
      '',
      "the input 'sts-endpoint'",
      'it redirects to another URL, to which the token is not sent (302)',
    ],
  ])('because of %s is explained by the setting', async (_, status, body, setting, reason) => {
    onExchange = to => to.writeHead(status, { location: `${tokens.endpoint}/token` }).end(body);
    expect(await failureOf()).toMatchObject({
      name: 'RoleError',
      setting,
      message: `STS at ${gateway.endpoint}: ${reason}; the token has ${SHOWN}`,
    });
    expect(exchanges).toHaveLength(1);
    expect(calls).toEqual([]);
  });

  test.each<[string, Answer, string]>([
    ['fails', to => to.writeHead(500).end(), '500'],
    ['resets the connection', to => to.socket?.resetAndDestroy(), 'ECONNRESET'],
    ['switches protocols', switchProtocols, 'the server switches protocols (101), which was not requested'],
    ['sends a body without end', endless, 'the response is longer than 65536 bytes'],
    [
      'sends a web page',
      to => to.end('<!doctype html>'),
      'the response is a web page, so this is no S3 server',
    ],
    ['sends another document', to => to.end('<a/>'), 'the response has no keys'],
    ['sends no document', to => to.end('{}'), '200'],
    [
      'sends keys that are words',
      to => to.end(keysFor(60).replace(SECRET, 'true')),
      'the response has no keys',
    ],
    ['quotes the token as its code', to => to.writeHead(400).end(stsError(tokenOf(CLAIMS))), '400'],
    ['does not respond', () => {}, 'not finished within 10 s'],
  ])('because the STS %s costs the bucket nothing', async (_, answer, reason) => {
    onExchange = answer;
    const store = open({}, { clock: fastClock });
    const error = (await store.head('x').catch(error => error)) as Error;
    store.close();
    expect(error).toMatchObject({ name: 'RoleError', message: `STS at ${gateway.endpoint}: ${reason}` });
    expect(calls).toEqual([]);
    expect(masked).not.toContain('true');
  });

  test.each<[string, (to: ServerResponse) => unknown, string]>([
    ['fails', to => to.writeHead(500).end(), '500'],
    ['refuses', to => to.writeHead(404).end(), '404'],
    ['resets the connection', to => to.socket?.resetAndDestroy(), 'ECONNRESET'],
    ['switches protocols', switchProtocols, 'the server switches protocols (101), which was not requested'],
    ['sends a body without end', endless, 'the response is longer than 131072 bytes'],
    ['sends no JSON', to => to.end('<a/>'), 'the response has no token'],
    ['sends a number', to => to.end('{"value":7}'), 'the response has no token'],
    ['sends a command', to => to.end('{"value":"a.b.c\\n::set-env"}'), 'the response has no token'],
    ['does not respond', () => {}, 'not finished within 10 s'],
    ['stays busy', to => to.writeHead(503).end('::warning::x'), 'not finished within 10 s'],
  ])('because the token service %s costs the bucket nothing', async (_, answer, reason) => {
    onToken = (_audience, to) => void answer(to);
    const error = await failureOf({}, { clock: fastClock });
    expect(error).toMatchObject({
      name: 'RoleError',
      message: `the runner's service returned no OIDC token: ${reason}`,
    });
    expect([exchanges, calls]).toEqual([[], []]);
  });

  test('because the token service is down costs the bucket nothing', async () => {
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', `${await closedEndpoint()}/token?x=1`);
    expect((await failureOf()).message).toBe("the runner's service returned no OIDC token: ECONNREFUSED");
  });

  test('because the token service refuses the job names the permission', async () => {
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'other');
    expect(await failureOf()).toMatchObject({
      setting: "the permission 'id-token: write'",
      message: "the runner's service refuses an OIDC token to this job (401)",
    });
  });
});

describe('a run to which the runner offers no token', () => {
  beforeEach(() => vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', undefined));

  test.each([
    [false, 'no credentials: the job gets no OIDC token without the permission id-token: write'],
    [true, 'no credentials: a pull request from a fork gets no OIDC token, and so no role'],
  ])(
    '(fork: %s) reads once without a signature, and then reports why it has no keys',
    async (fork, message) => {
      onCall = (_, to) => to.writeHead(403).end(denied);
      const store = open({ forkPullRequest: fork });
      const names = ['x', 'y', 'z'];
      const read = (name: string) => store.getRange(name, { suffix: 1 }).catch(error => error);
      const errors = await Promise.all(names.map(read));
      for (const error of errors) {
        expect(error).toMatchObject({
          name: 'NoCredentialsError',
          setting: "the permission 'id-token: write'",
          message,
        });
      }
      store.close();
      expect(calls.map(({ headers, url }) => [url, headers.authorization])).toEqual([
        ['/bucket/x?x-id=GetObject', undefined],
      ]);
    },
  );

  test('reads a bucket that allows it without a signature, and writes nothing', async () => {
    const info: string[] = [];
    const store = open({}, { log: { ...silentLog, info: line => info.push(line) } });
    expect(await Promise.all(['x', 'y'].map(name => store.head(name)))).toEqual([undefined, undefined]);
    const upload = store.createUpload('z', { onlyIfAbsent: false, partSizeBytes: 5 * 1024 * 1024 });
    const save = upload.write(Buffer.from('z')).then(() => upload.complete());
    await expect(save).rejects.toMatchObject({ name: 'NoCredentialsError' });
    store.close();
    expect(info).toEqual(['There are no credentials, but the bucket can be read without.']);
    for (const { headers } of calls) expect(Object.keys(headers)).not.toContain('authorization');
    expect(calls.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  test('reads further ranges of an object without a signature too', async () => {
    const headers = { etag: '"e"', 'content-range': 'bytes 0-0/1', 'content-length': '1' };
    onCall = (_, to) => to.writeHead(206, headers).end('a');
    const store = open();
    for (let round = 0; round < 2; round++) {
      expect(await store.getRange('x', { start: 0, end: 1 })).toMatchObject({ etag: 'e', sizeBytes: 1 });
    }
    store.close();
    expect(calls.map(call => call.headers.authorization)).toEqual([undefined, undefined]);
  });

  test('sends the first unsigned read one time only, as the fallback waits', async () => {
    onCall = (_, to) => to.writeHead(500).end();
    const store = open({ attempts: 5 });
    await expect(store.head('x')).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    store.close();
    expect(calls).toHaveLength(1);
  });
});

test('a call that the policy of the role forbids is explained by role and claims, not by keys', async () => {
  onCall = (_, to) => to.writeHead(403).end(denied);
  const store = open();
  const upload = store.createUpload('z', { onlyIfAbsent: false, partSizeBytes: 5 * 1024 * 1024 });
  const save = upload.write(Buffer.from('z')).then(() => upload.complete());
  await expect(save).rejects.toMatchObject({
    name: 'PolicyRefusedError',
    message: `bucket bucket at ${gateway.endpoint}: the role ${ROLE} does not allow this call to the run (PutObject: 403 AccessDenied), whose token has ${SHOWN}`,
  });
  await expect(store.head('x')).rejects.toMatchObject({ name: 'PolicyRefusedError' });
  store.close();
});
