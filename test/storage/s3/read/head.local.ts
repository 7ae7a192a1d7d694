import { expect, test } from 'vitest';
import { xml } from '../errors/expect-refusal.ts';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';

test('a HEAD that is refused, and a GET that finds nothing, mean that there is no object', async () => {
  const server = await scriptedServer(operation =>
    operation === 'HeadObject' ? { status: 403 } : { status: 404, ...xml('NoSuchKey') },
  );
  expect(await server.store().head('x')).toBeUndefined();
});

test('a refused HEAD of a name that is too long names the input key', async () => {
  const server = await scriptedServer(operation =>
    operation === 'HeadObject' ? { status: 400 } : { status: 400, ...xml('KeyTooLong') },
  );
  await expect(server.store().head('x')).rejects.toMatchObject({ settings: [{ input: 'key' }] });
});

test('a web page without a length in place of an object names the input endpoint', async () => {
  const server = await scriptedServer(() => to => {
    to.writeHead(200, { 'content-type': 'text/html' });
    to.write('<html>');
    to.end('Sign in</html>');
  });
  await expect(server.store().head('x')).rejects.toMatchObject({
    settings: [{ input: 'endpoint' }],
    message: expect.stringContaining('the response is a web page'),
  });
});

/** Describes an object of a server with these answers. Returns the description, and the requests that it took. */
async function headOf(
  head: ScriptedAnswer,
  get: (range: string | undefined) => ScriptedAnswer,
  optional = false,
) {
  const server = await scriptedServer((operation, { headers }) =>
    operation === 'HeadObject' ? head : get(headers.range),
  );
  const store = server.store({ attempts: 1 });
  const first = await store.head('x', { optional }).catch(error => error);
  const { length } = server.operations;
  return { store, server, first, requests: server.operations.slice(0, length) };
}

const found = { etag: '"e"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT', 'x-amz-meta-save-id': 'id' };
const part = { status: 206, headers: { ...found, 'content-range': 'bytes 0-0/5000' }, body: 'x' };

test('a HEAD describes an object by its headers', async () => {
  const { first, requests } = await headOf({ headers: { ...found, 'content-length': 7 } }, () => part);
  const modifiedMs = Date.parse('2026-01-01');
  expect(first).toMatchObject({ name: 'x', sizeBytes: 7, etag: 'e', modifiedMs });
  expect(requests).toEqual(['HeadObject']);
});

test.each<[string, ScriptedAnswer, boolean]>([
  ['405', { status: 405 }, true],
  ['501', { status: 501 }, true],
  ['no length', { headers: { ...found, 'transfer-encoding': 'chunked' } }, true],
  ['403', { status: 403 }, false],
  ['400', { status: 400 }, false],
])('a GET of one byte describes an object whose HEAD gets %s', async (_, head, isLearnt) => {
  const { store, server, first, requests } = await headOf(head, () => part);
  expect(first).toMatchObject({ sizeBytes: 5000, etag: 'e' });
  expect(requests).toEqual(['HeadObject', 'GetObject']);
  await store.head('x');
  expect(server.operations.slice(2)).toEqual(isLearnt ? ['GetObject'] : ['HeadObject', 'GetObject']);
});

test('an object without a first byte is described by a GET of all of it', async () => {
  const { first, requests } = await headOf({ status: 405 }, range =>
    range === undefined ? { headers: found } : { status: 416 },
  );
  expect(first).toMatchObject({ sizeBytes: 0, etag: 'e' });
  expect(requests).toEqual(['HeadObject', 'GetObject', 'GetObject']);
});

test('a GET that is answered by the whole object has the length of the object', async () => {
  const whole = { headers: found, body: 'y'.repeat(3000) };
  expect((await headOf({ status: 405 }, () => whole)).first).toMatchObject({ sizeBytes: 3000 });
});

test('an optional HEAD that is refused is not followed by a GET', async () => {
  const { first, requests } = await headOf({ status: 403 }, () => part, true);
  expect(first).toMatchObject({ name: 'StoreRefusedError' });
  expect(requests).toEqual(['HeadObject']);
});

test('an object whose description has no ETag is unavailable', async () => {
  const { first } = await headOf({ headers: { 'content-length': 7 } }, () => part);
  expect(first).toMatchObject({
    name: 'StoreUnavailableError',
    message: expect.stringContaining('x: the response has no ETag'),
  });
});
