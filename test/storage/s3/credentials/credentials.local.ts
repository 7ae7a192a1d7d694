import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../../src/retry/clock.ts';
import type { CallerOptions } from '../../../../src/storage/s3/calls/caller.ts';
import { credentialsFor } from '../../../../src/storage/s3/credentials/credentials.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { posix, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';
import { hostile } from '../../../support/servers/hostile-socket.ts';
import { serveHttp } from '../../../support/servers/serve.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { slashed } from '../../../support/slashed.ts';
import { scriptedServer } from '../scripted-server.ts';
import { createS3Settings, openStore } from '../support.ts';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvOm8vciJ9.c2lnbmF0dXJl';

let directory: string;

beforeEach(() => {
  directory = scratch();
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', path.join(directory, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(directory, 'credentials'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The error of a call without credentials in the settings. No request reaches the endpoint. */
async function callFailure(options: Partial<CallerOptions> = {}): Promise<Error> {
  const store = openStore({ credentials: undefined, attempts: 1 }, options);
  return failureOf(store.head('x')).finally(() => store.close());
}

test('the error of a credential_process that fails has neither its command nor its output', async () => {
  const program = `node -e "console.error('printed-secret'); process.exit(1)"`;
  writeFileSync(
    path.join(directory, 'config'),
    `[default]\ncredential_process = ${program} --token argument-secret\n`,
  );
  const failure = await callFailure();
  expect(failure.message).toContain('(shared file: credential_process failed)');
  expect(failure.message).not.toMatch(/(printed|argument)-secret/);
});

describe('a FIFO, which blocks its reader,', requires(posix), () => {
  const fifo = (name: string): string => {
    const file = path.join(directory, name);
    spawnSync('mkfifo', [file]);
    return file;
  };

  test.each(['config', 'credentials'])('in place of the shared file %s is refused', async name => {
    fifo(name);
    expect((await callFailure()).message).toContain(`(shared file: ${name} cannot be read (ENOTFILE))`);
  });

  test('in place of a web identity token is refused', async () => {
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', fifo('token'));
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
    expect((await callFailure()).message).toContain('(web identity: is not a regular file; ');
  });

  test('in place of the token of a profile is refused', async () => {
    const settings = `web_identity_token_file = ${fifo('token')}\nrole_arn = arn:aws:iam::1:role/a`;
    writeFileSync(path.join(directory, 'config'), `[default]\n${settings}\n`);
    expect((await callFailure()).message).toContain('(shared file: is not a regular file)');
  });

  test.each<[string, (file: string) => void]>([
    ['fifo', file => void spawnSync('mkfifo', [file])],
    ['large', file => writeFileSync(file, Buffer.alloc(65_537))],
  ])('or a large file among the cached tokens of SSO is refused (%s)', async (name, make) => {
    const cache = path.join(directory, '.aws/sso/cache');
    mkdirSync(cache, { recursive: true });
    make(path.join(cache, name));
    vi.stubEnv('HOME', directory);
    const settings =
      'sso_account_id = 1\nsso_role_name = r\nsso_region = x\nsso_start_url = https://x.invalid';
    writeFileSync(path.join(directory, 'config'), `[default]\n${settings}\n`);
    expect((await callFailure()).message).toContain(
      `(shared file: sso/cache/${name} is not a file of at most 65536 bytes)`,
    );
  });

  test('in place of a ca-file is refused', async () => {
    const store = openStore({ endpoint: new URL('https://127.0.0.1:1'), caFile: fifo('ca') });
    await expect(store.head('x')).rejects.toThrow(/cannot be read \(ENOTFILE\)/);
    store.close();
  });
});

describe('a web identity', () => {
  async function exchangeAt(answer: (to: http.ServerResponse) => void): Promise<void> {
    const port = await serveHttp((from, to) => void from.resume().on('end', () => answer(to)));
    const token = path.join(directory, 'token');
    writeFileSync(token, `${TOKEN}\n`);
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', token);
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/ci');
    vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${port}`);
  }

  const stsError = (code: string, message: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

  test('becomes the keys of its role', async () => {
    await exchangeAt(to =>
      to.end(
        `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>role-key</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      ),
    );
    let authorization: string | undefined;
    const { endpoint } = await scriptedServer((_, request) => {
      ({ authorization } = request.headers);
      return { status: 404 };
    });
    const store = openStore({ endpoint, credentials: undefined });
    expect(await store.head('x')).toBeUndefined();
    expect(authorization).toContain('Credential=role-key/');
    store.close();
  });

  test.each<[string, (to: http.ServerResponse) => void, string]>([
    [
      'quotes the token',
      to => to.writeHead(400).end(stsError('InvalidIdentityToken', `No provider for ${TOKEN}`)),
      'web identity: 400 InvalidIdentityToken; ',
    ],
    ['has the token as its code', to => to.writeHead(403).end(stsError(TOKEN, '')), 'web identity: 403; '],
    ['is a web page', to => to.end(`<!doctype html>${TOKEN}`), 'web identity: the response is a web page'],
    ['switches protocols', hostile.switchProtocols, 'web identity: the server switches protocols'],
    ['has no end', hostile.endless, 'web identity: the response is longer than 65536 bytes'],
    ['has no keys', to => to.end('<a/>'), 'web identity: '],
  ])('whose exchange %s fails without the token in the error', async (_, answer, reason) => {
    await exchangeAt(answer);
    const debug: string[] = [];
    const { message } = await callFailure({
      log: { ...silentLog, debug: line => debug.push(line) },
    });
    expect(message).toContain(reason);
    for (const text of [message, ...debug]) expect(text).not.toMatch(/eyJ|c2lnbmF0dXJl/);
  });
});

test.each([
  ['kept while more than five minutes are left', 10, 1],
  ['requested again when less are left', 6, 2],
])('credentials that expire are %s', async (_, minutes, requests) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  let served = 0;
  const port = await serveHttp((_request, response) => {
    const Expiration = new Date(Date.now() + minutes * 60_000).toISOString();
    const keys = { AccessKeyId: `key-${++served}`, SecretAccessKey: 's', Token: 't', Expiration };
    response.end(JSON.stringify(keys));
  });
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/`);
  const settings = createS3Settings({ credentials: undefined, instanceMetadata: true });
  const noSts = () => ({ handle: () => Promise.reject(new Error('no STS in this test')) }) as never;
  const provider = credentialsFor(settings, {
    clock: systemClock,
    stsHandler: noSts,
    mask: () => {},
  }) as AwsCredentialIdentityProvider;
  expect(await provider()).toMatchObject({ accessKeyId: 'key-1', sessionToken: 't' });
  vi.setSystemTime(Date.now() + 61_000);
  expect(await provider()).toMatchObject({ accessKeyId: `key-${requests}` });
  expect(served).toBe(requests);
});

test(
  'instance metadata is not requested while the configuration file is a FIFO',
  requires(posix),
  async () => {
    spawnSync('mkfifo', [path.join(directory, 'config')]);
    let requests = 0;
    const port = await serveHttp((_, to) => {
      requests++;
      to.end();
    });
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', `http://127.0.0.1:${port}`);
    const store = openStore({ credentials: undefined, instanceMetadata: true, attempts: 1 });
    await expect(store.head('x')).rejects.toThrow('; instance metadata: config cannot be read (ENOTFILE))');
    expect(requests).toBe(0);
    store.close();
  },
);

test('a credential_process that does not end is killed with the call', async () => {
  const file = path.join(directory, 'pid');
  const program = `node -e "require('fs').writeFileSync('${slashed(file)}', String(process.ppid)); setTimeout(() => {}, 60000)"`;
  writeFileSync(path.join(directory, 'config'), `[default]\ncredential_process = ${program}\n`);
  const settings = createS3Settings({ credentials: undefined });
  const clock = new FakeClock();
  const noSts = () => ({ handle: () => Promise.reject(new Error('no STS in this test')) }) as never;
  const provider = credentialsFor(settings, {
    clock,
    stsHandler: noSts,
    mask: () => {},
  }) as AwsCredentialIdentityProvider;
  const failing = expect(provider()).rejects.toThrow('shared file: not finished within 9 s');
  // The file is there before its content
  const shell = await vi.waitUntil(() => existsSync(file) && Number(readFileSync(file, 'utf8')), {
    timeout: 30_000,
  });
  await clock.advance(9000);
  await failing;
  await vi.waitUntil(() => !isRunning(shell), { timeout: 30_000 });
});

/** A process that was killed counts as running until its parent has noticed. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
