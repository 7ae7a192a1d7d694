import { expect, test } from 'vitest';
import type { ObjectStore, Upload } from '../../../../../src/storage/object-store.ts';
import { CopyRefusedError, ObjectReplacedError } from '../../../../../src/storage/store-errors.ts';
import { MiB } from '../../../../support/sizes.ts';
import { type ScriptedAnswer, scriptedServer } from '../../scripted-server.ts';

const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
const COPIED = { body: '<CopyPartResult><ETag>"part"</ETag></CopyPartResult>' };
const source = { name: 'a b/source', etag: 'e' };
const range = { start: 0, end: 6 * MiB };

/** Opens a store of a server that gives these answers to copies, the last one for ever, and has the source with an ETag. */
async function serverOf(answers: readonly ScriptedAnswer[], etag: () => string = () => source.etag) {
  const left = [...answers];
  const copies: (string | undefined)[] = [];
  const server = await scriptedServer((operation, { headers }) => {
    if (operation === 'CreateMultipartUpload') return { body: CREATED };
    if (operation === 'HeadObject') return { headers: { etag: `"${etag()}"`, 'content-length': 6 * MiB } };
    if (operation !== 'UploadPartCopy') return { status: 204 };
    copies.push(headers['x-amz-copy-source-if-match'] as string | undefined);
    expect(headers['x-amz-copy-source']).toBe('bucket/a%20b/source');
    expect(headers['x-amz-copy-source-range']).toBe('bytes=0-6291455');
    return (left.length > 1 ? left.shift() : left[0])!;
  });
  return { server, store: server.store({ attempts: 2 }), copies };
}

/** Copies the source into a new upload, and returns its failure, or undefined. */
async function copyIn(store: ObjectStore): Promise<Error | undefined> {
  const upload: Upload = store.createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
  const failure = await upload.copyRange(source, range).then(
    () => undefined,
    error => error,
  );
  await upload.abort();
  return failure;
}

test('a part is copied on the condition that the source is the same object', async () => {
  const { store, copies } = await serverOf([COPIED]);
  expect(await copyIn(store)).toBeUndefined();
  expect(copies).toEqual(['"e"']);
});

test.each<[string, ScriptedAnswer, number]>([
  ['400', { status: 400 }, 1],
  ['405', { status: 405 }, 1],
  ['411', { status: 411 }, 1],
  ['501', { status: 501 }, 1],
  ['an empty success', {}, 1],
  ['no ETag', { body: '<CopyPartResult></CopyPartResult>' }, 1],
  ['500 in every attempt', { status: 500 }, 2],
  ['404, although the source exists', { status: 404 }, 1],
])(
  'a server that answers a copy by %s copies no parts, and gets no second request for a copy',
  async (_, answer, attempts) => {
    const { server, store, copies } = await serverOf([answer]);
    expect(await copyIn(store)).toBeInstanceOf(CopyRefusedError);
    expect(copies).toHaveLength(attempts);
    const before = server.operations.length;
    expect(await copyIn(store)).toBeInstanceOf(CopyRefusedError);
    expect(server.operations.slice(before)).not.toContain('UploadPartCopy');
  },
);

test('a server that refuses the condition for the same source copies without it from then on', async () => {
  const { store, copies } = await serverOf([{ status: 412 }, COPIED]);
  expect(await copyIn(store)).toBeUndefined();
  expect(await copyIn(store)).toBeUndefined();
  expect(copies).toEqual(['"e"', undefined, undefined]);
});

test.each([404, 412, 416])(
  'a copy that is answered by %i finds that its source was replaced',
  async status => {
    let etag = source.etag;
    const { store, copies } = await serverOf([{ status }], () => {
      const now = etag;
      // After the check that precedes the copy
      etag = 'other';
      return now;
    });
    expect(await copyIn(store)).toBeInstanceOf(ObjectReplacedError);
    expect(copies).toHaveLength(1);
  },
);

test('a copy that the policy refuses fails alone, and later copies are still sent', async () => {
  const denied = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
  const { store } = await serverOf([denied, COPIED]);
  expect(await copyIn(store)).toMatchObject({ name: 'StoreRefusedError' });
  expect(await copyIn(store)).toBeUndefined();
});

test('an upload does not copy from a source that was replaced', async () => {
  const server = await scriptedServer(() => ({ headers: { etag: '"now"', 'content-length': 6 * MiB } }));
  const upload = server.store().createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
  const copied = upload.copyRange({ name: 'source', etag: 'then' }, { start: 0, end: 6 * MiB });
  await expect(copied).rejects.toThrow(ObjectReplacedError);
  await upload.abort();
  expect(server.operations).toEqual(['HeadObject']);
});
