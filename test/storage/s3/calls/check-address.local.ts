import { expect, test } from 'vitest';
import { scriptedServer } from '../scripted-server.ts';

const xml = (code: string, message = '') => ({
  body: `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

test("an endpoint that begins with the bucket's name is refused if the server takes it for the bucket's address", async () => {
  const server = await scriptedServer(operation =>
    operation === 'ListObjectsV2' ? { status: 404, ...xml('NoSuchKey') } : { status: 404 },
  );
  // The first label of the address
  const bucket = '127';
  const store = server.store({ bucket });
  for (let call = 0; call < 2; call++) {
    await expect(store.head('x')).rejects.toMatchObject({
      settings: [{ input: 'endpoint' }],
      message: expect.stringContaining("remove '127.' from it"),
    });
  }
  expect(server.operations).toEqual(['ListObjectsV2']);
});

test("a server whose name begins with the bucket's is used after one listing", async () => {
  const server = await scriptedServer(operation =>
    operation === 'ListObjectsV2' ? { body: '<ListBucketResult></ListBucketResult>' } : { status: 404 },
  );
  const store = server.store({ bucket: '127' });
  expect(await store.head('x')).toBeUndefined();
  expect(await store.head('y')).toBeUndefined();
  expect(server.operations).toEqual(['ListObjectsV2', 'HeadObject', 'HeadObject']);
});
