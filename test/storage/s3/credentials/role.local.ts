import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import {
  CLAIMS,
  denied,
  fastClock,
  keysFor,
  ROLE,
  SECRET,
  SESSION,
  SHOWN,
  tokenOf,
  useRoleServers,
} from './role-servers.ts';

const servers = useRoleServers();

describe('a role', () => {
  test('is taken with a new token of the run, and its keys sign the calls', async () => {
    vi.stubEnv('GITHUB_RUN_ID', '4711');
    vi.stubEnv('GITHUB_RUN_ATTEMPT', '2');
    const store = servers.open();
    expect(await store.head('x')).toBeUndefined();
    expect(await store.head('y')).toBeUndefined();
    store.close();
    expect(servers.tokens.audiences).toEqual(['sts.amazonaws.com']);
    expect(Object.fromEntries(servers.exchanges[0]!)).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: ROLE,
      RoleSessionName: 'cache-s3-4711-2',
      WebIdentityToken: tokenOf(CLAIMS),
    });
    expect(servers.exchanges).toHaveLength(1);
    for (const { headers } of servers.calls) {
      expect(headers.authorization).toContain('Credential=role-key/');
      expect(headers['x-amz-security-token']).toBe(SESSION);
    }
    expect(servers.masked).toEqual([tokenOf(CLAIMS), SECRET, SESSION]);
  });

  test('is taken before the keys of the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'environment');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const store = servers.open();
    await store.head('x');
    store.close();
    expect(servers.calls[0]?.headers.authorization).toContain('Credential=role-key/');
  });

  describe('whose session', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date'] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
    const headMany = async (store: ObjectStore) => {
      for (let count = 0; count < 10; count++) expect(await store.head(`x${count}`)).toBeUndefined();
    };

    test('ends soon is taken once more, with a new token, before its keys expire', async () => {
      servers.onExchange = to =>
        to.end(keysFor(servers.exchanges.length === 1 ? 4 : 60, `key-${servers.exchanges.length}`));
      const store = servers.open();
      await store.head('x');
      later(61);
      for (const name of ['y', 'z', 'z']) await store.head(name);
      store.close();
      const keys = servers.calls.map(
        ({ headers }) => /Credential=([^/]*)/.exec(headers.authorization ?? '')?.[1],
      );
      expect([servers.exchanges.length, servers.tokens.audiences.length]).toEqual([2, 2]);
      expect(keys).toEqual(['key-1', 'key-2', 'key-2', 'key-2']);
    });

    test.each([
      ['lasts 4 minutes', 4],
      ['has ended by a clock that is ahead', -1],
    ])('%s is taken once a minute at most, however many calls are made', async (_, minutes) => {
      servers.onExchange = to => to.end(keysFor(minutes));
      const store = servers.open();
      await headMany(store);
      expect(servers.exchanges).toHaveLength(1);
      later(59);
      await headMany(store);
      expect(servers.exchanges).toHaveLength(1);
      later(2);
      await headMany(store);
      store.close();
      expect(servers.exchanges).toHaveLength(2);
    });

    test.each([
      ['no end', ''],
      ['an end that is no time', '<Expiration>soon</Expiration>'],
    ])('has %s is used as long as it is accepted', async (_, end) => {
      servers.onExchange = to => to.end(keysFor(60).replace(/<Expiration>.*<\/Expiration>/, end));
      const store = servers.open();
      await headMany(store);
      later(2 * 3600);
      await headMany(store);
      store.close();
      expect(servers.exchanges).toHaveLength(1);
    });

    test('lasts less than a minute is taken again at its end', async () => {
      servers.onExchange = to => to.end(keysFor(0.5));
      const store = servers.open();
      await headMany(store);
      later(31);
      await headMany(store);
      store.close();
      expect(servers.exchanges).toHaveLength(2);
    });

    test('ends soon is used to the end of its keys if it cannot be taken once more', async () => {
      servers.onExchange = to =>
        servers.exchanges.length === 1 ? to.end(keysFor(4)) : to.writeHead(500).end();
      const store = servers.open();
      await headMany(store);
      later(61);
      await headMany(store);
      expect(servers.exchanges).toHaveLength(2);
      later(3 * 60);
      await expect(store.head('x')).rejects.toMatchObject({ name: 'RoleError' });
      store.close();
    });
  });

  test('is requested once more beside an exchange that the STS never answers', async () => {
    servers.onExchange = to => {
      if (servers.exchanges.length > 1) to.end(keysFor(60));
    };
    const store = servers.open({}, { clock: fastClock });
    expect(await store.head('x')).toBeUndefined();
    store.close();
    expect(servers.exchanges).toHaveLength(2);
  });

  test.each([500, 503, 409])('is requested again from an STS that returns %i for a moment', async status => {
    servers.onExchange = to =>
      servers.exchanges.length === 1 ? to.writeHead(status).end() : to.end(keysFor(60));
    const store = servers.open({ attempts: 2 });
    expect(await store.head('x')).toBeUndefined();
    store.close();
  });
});

test('a call that the policy of the role forbids is explained by role and claims, not by keys', async () => {
  servers.onCall = (_, to) => to.writeHead(403).end(denied);
  const store = servers.open();
  const upload = store.createUpload('z', { onlyIfAbsent: false, partSizeBytes: 5 * 1024 * 1024 });
  const save = upload.write(Buffer.from('z')).then(() => upload.complete());
  await expect(save).rejects.toMatchObject({
    name: 'PolicyRefusedError',
    message: `bucket bucket at ${servers.gateway.endpoint}: the role ${ROLE} does not allow this call to the run (PutObject: 403 AccessDenied), whose token has ${SHOWN}`,
  });
  await expect(store.head('x')).rejects.toMatchObject({ name: 'PolicyRefusedError' });
  store.close();
});
