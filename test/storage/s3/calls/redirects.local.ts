import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { listNames, putObject } from '../../../support/put-object.ts';
import { scriptedServer } from '../scripted-server.ts';

const CALLS: readonly [string, (store: ObjectStore) => Promise<unknown>][] = [
  ['HeadObject', store => store.head('x')],
  ['GetObject', store => store.getRange('x', { suffix: 1 })],
  ['ListObjectsV2', store => listNames(store, 'p/')],
  ['PutObject', store => putObject(store, 'x', 'x')],
];

describe.each([301, 302, 303, 307, 308])('a redirect with %i', status => {
  test.each(CALLS)('refuses %s, and no request goes to the other server', async (operation, call) => {
    const other = await scriptedServer(() => ({ body: 'x', headers: { etag: '"1"' } }));
    const redirecting = await scriptedServer((_, { url = '' }) => ({
      status,
      headers: { location: new URL(url, other.endpoint).href, 'x-amz-bucket-region': 'eu-west-1' },
      body: `<Error><Code>PermanentRedirect</Code><Endpoint>${other.endpoint.host}</Endpoint></Error>`,
    }));
    await expect(call(redirecting.store())).rejects.toMatchObject({ name: 'StoreRefusedError' });
    expect(redirecting.operations).toContain(operation);
    expect(other.requests).toEqual([]);
  });
});
