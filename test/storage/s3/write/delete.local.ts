import { expect, test } from 'vitest';
import { scriptedServer } from '../scripted-server.ts';

test('a delete of an object that does not exist succeeds, also where the server answers by 404', async () => {
  const body = '<Error><Code>NoSuchKey</Code></Error>';
  const server = await scriptedServer(() => ({ status: 404, body }));
  await server.store().delete('x');
  expect(server.requests).toEqual(['DeleteObject /bucket/x']);
});

test('a delete in a bucket that does not exist is refused', async () => {
  const body = '<Error><Code>NoSuchBucket</Code></Error>';
  const server = await scriptedServer(() => ({ status: 404, body }));
  await expect(server.store().delete('x')).rejects.toMatchObject({ name: 'StoreRefusedError' });
});

test('a delete that fails is repeated, since a second one finds nothing', async () => {
  const answers = ['reset', { status: 500 }, { status: 204 }] as const;
  let count = 0;
  const server = await scriptedServer(() => answers[count++]!);
  await server.store({ attempts: 3 }).delete('x');
  expect(server.operations).toHaveLength(3);
});
