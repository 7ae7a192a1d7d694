import { beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLog } from '../../../support/silent-log.ts';
import { denied, useRoleServers } from '../credentials/role-servers.ts';

const servers = useRoleServers();

describe('a run to which the runner offers no token', () => {
  beforeEach(() => vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', undefined));

  test.each([
    [
      false,
      {
        name: 'NoCredentialsError',
        settings: ["the permission 'id-token: write'"],
        message: 'no credentials: the job gets no OIDC token without the permission id-token: write',
      },
    ],
    [
      true,
      {
        name: 'SecretlessRunError',
        settings: [],
        message: 'no credentials: a pull request from a fork gets no OIDC token, and so no role',
      },
    ],
  ])(
    '(fork: %s) reads once without a signature, and then reports why it has no keys',
    async (fork, expected) => {
      servers.onCall = (_, to) => to.writeHead(403).end(denied);
      const store = servers.open({ forkPullRequest: fork });
      const names = ['x', 'y', 'z'];
      const read = (name: string) => store.getRange(name, { suffix: 1 }).catch(error => error);
      const errors = await Promise.all(names.map(read));
      for (const error of errors) expect(error).toMatchObject(expected);
      store.close();
      expect(servers.calls.map(({ headers, url }) => [url, headers.authorization])).toEqual([
        ['/bucket/x?x-id=GetObject', undefined],
      ]);
    },
  );

  test('reads a bucket that allows it without a signature, and writes nothing', async () => {
    const info: string[] = [];
    const store = servers.open({}, { log: { ...silentLog, info: line => info.push(line) } });
    expect(await Promise.all(['x', 'y'].map(name => store.head(name)))).toEqual([undefined, undefined]);
    const upload = store.createUpload('z', { onlyIfAbsent: false, partSizeBytes: 5 * 1024 * 1024 });
    const save = upload.write(Buffer.from('z')).then(() => upload.complete());
    await expect(save).rejects.toMatchObject({ name: 'NoCredentialsError' });
    store.close();
    expect(info).toEqual([
      'There are no credentials, but the bucket can be read without them. Nothing is saved to it.',
    ]);
    for (const { headers } of servers.calls) expect(Object.keys(headers)).not.toContain('authorization');
    expect(servers.calls.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  test('reads further ranges of an object without a signature too', async () => {
    const headers = { etag: '"e"', 'content-range': 'bytes 0-0/1', 'content-length': '1' };
    servers.onCall = (_, to) => to.writeHead(206, headers).end('a');
    const store = servers.open();
    for (let round = 0; round < 2; round++) {
      expect(await store.getRange('x', { start: 0, end: 1 })).toMatchObject({ etag: 'e', sizeBytes: 1 });
    }
    store.close();
    expect(servers.calls.map(call => call.headers.authorization)).toEqual([undefined, undefined]);
  });

  test('sends the first unsigned read one time only, as the fallback waits', async () => {
    servers.onCall = (_, to) => to.writeHead(500).end();
    const store = servers.open({ attempts: 5 });
    await expect(store.head('x')).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    store.close();
    expect(servers.calls).toHaveLength(1);
  });
});
