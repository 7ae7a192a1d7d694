import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  ObjectReplacedError,
  StoreRefusedError,
  StoreUnavailableError,
} from '../../../../src/storage/store-errors.ts';
import { putObject } from '../../../support/put-object.ts';
import { scriptedServer } from '../scripted-server.ts';
import { serveStore } from '../serve-store.ts';
import { shortLimits } from '../support.ts';

test.each([true, false])(
  'a PutObject may take longer than the limit of the first response (onlyIfAbsent: %s)',
  async onlyIfAbsent => {
    const timeLimits = { ...shortLimits, firstResponseMs: 1500, firstByteMs: 5000, idleTimeoutMs: 5000 };
    const server = await scriptedServer(async operation => {
      if (operation !== 'PutObject') return { status: 404 };
      await delay(2000);
      return { headers: { etag: '"e"' } };
    });
    await putObject(server.store({ attempts: 1 }, { timeLimits }), 'x', 'slow', { onlyIfAbsent });
    expect(server.operations).toEqual(['HeadObject', 'PutObject']);
  },
);

test('credentials that may only write replace an object of one part', async () => {
  const server = await scriptedServer(operation =>
    operation === 'PutObject' ? { headers: { etag: '"e"' } } : { status: 403 },
  );
  await putObject(server.store(), 'x', 'new');
  expect(server.operations).toEqual(['HeadObject', 'GetObject', 'PutObject']);
});

test('an object of one part that another job replaced is kept, also by a server that ignores If-Match', async () => {
  const server = await scriptedServer(() => ({ headers: { etag: '"now"', 'content-length': 4 } }));
  const upload = server
    .store()
    .createUpload('x', { partSizeBytes: 5_242_880, onlyIfAbsent: false, onlyIfEtag: 'then' });
  await upload.write(Buffer.from('new'));
  await expect(upload.complete()).rejects.toThrow(ObjectReplacedError);
  expect(server.operations).toEqual(['HeadObject']);
});

test('a damaged object that has not changed is replaced on a server that refuses each If-Match', async () => {
  let stored = false;
  const server = await scriptedServer((operation, request) => {
    if (operation === 'HeadObject')
      return { headers: { etag: stored ? '"new"' : '"then"', 'content-length': 4 } };
    if ('if-match' in request.headers) return { status: 412 };
    stored = true;
    return { headers: { etag: '"new"' } };
  });
  await putObject(server.store(), 'x', 'new', { onlyIfEtag: 'then' });
  expect(server.operations).toEqual(['HeadObject', 'PutObject', 'HeadObject', 'PutObject']);
});

describe('with credentials that may not read,', () => {
  const unclear = async (first: 'silent' | 'reset', attempts: number) => {
    let puts = 0;
    const server = await scriptedServer(operation => {
      if (operation !== 'PutObject') return { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
      return ++puts === 1 ? first : { status: 412 };
    });
    const upload = server
      .store({ attempts })
      .createUpload('x', { partSizeBytes: 5_242_880, onlyIfAbsent: true });
    await upload.write(Buffer.from('new'));
    return upload.complete().catch(error => error);
  };

  test('a PutObject without a response is reported as unavailable after the last time-out', async () => {
    const failure = await unclear('silent', 1);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    expect(failure.message).toContain('no response within');
  });

  test('a PutObject whose repetition fails with 412 is reported as refused, not as stored by another job', async () => {
    const failure = await unclear('reset', 2);
    expect(failure).toBeInstanceOf(StoreRefusedError);
    expect(failure.message).toContain('access is denied');
  });
});

test('a store learns once that its server has no conditional writes, and then checks for the object before each write', async () => {
  const { server, store } = await serveStore({ conditions: 'refused' });
  for (const name of ['first', 'second']) {
    await putObject(store, name, name, { onlyIfAbsent: true });
  }
  const first = ['HeadObject', 'PutObject', 'HeadObject', 'PutObject'];
  expect(server.operations).toEqual([...first, 'HeadObject', 'PutObject']);
});

test.each(['PutObject', 'CompleteMultipartUpload'])(
  'after a lost response to %s the save recognises its own object, also where metadata is dropped',
  async loses => {
    const { store } = await serveStore({ dropsMetadata: true, loses });
    await putObject(store, 'x', new Uint8Array(loses === 'PutObject' ? 1000 : 12_000_000), {
      onlyIfAbsent: true,
    });
    expect(await store.head('x')).toBeDefined();
  },
);

test.each([100, 12_000_000])(
  'an upload of %i bytes sends the headers of a policy that requires encryption by a key',
  async sizeBytes => {
    const creating: unknown[] = [];
    const server = await scriptedServer((operation, { headers }) => {
      if (operation === 'HeadObject') return { status: 404 };
      if (operation === 'PutObject' || operation === 'CreateMultipartUpload') {
        creating.push([
          headers['x-amz-server-side-encryption'],
          headers['x-amz-server-side-encryption-aws-kms-key-id'],
        ]);
      }
      const id = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
      const whole = '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>';
      return { headers: { etag: '"e"' }, body: operation === 'CreateMultipartUpload' ? id : whole };
    });
    const encryption = { algorithm: 'aws:kms', kmsKeyId: 'alias/ci' } as const;
    await putObject(server.store({ encryption }), 'x', new Uint8Array(sizeBytes), { onlyIfAbsent: true });
    expect(creating).toEqual([['aws:kms', 'alias/ci']]);
  },
);

/** The MD5 of no bytes, in base64. */
const MD5 = '1B2M2Y8AsgTpgAmY7PhCfg==';

test('an object without bytes is stored by one request, with the encryption of the settings', async () => {
  const headers: IncomingHttpHeaders[] = [];
  const server = await scriptedServer((_, request) => {
    headers.push(request.headers);
    return { headers: { etag: '"e"' } };
  });
  await server.store({ encryption: { algorithm: 'AES256', kmsKeyId: undefined } }).putEmpty('x');
  expect(server.requests).toEqual(['PutObject /bucket/x']);
  expect(headers[0]).toMatchObject({ 'content-length': '0', 'x-amz-server-side-encryption': 'AES256' });
});

test('an object without bytes is stored with its MD5 where the bucket requires that', async () => {
  const body =
    '<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required</Message></Error>';
  const sent: (string | undefined)[] = [];
  const server = await scriptedServer((_, { headers }) => {
    sent.push(headers['content-md5'] as string | undefined);
    return headers['content-md5'] ? { headers: { etag: '"e"' } } : { status: 400, body };
  });
  const store = server.store();
  await store.putEmpty('x');
  await store.putEmpty('y');
  expect(sent).toEqual([undefined, MD5, MD5]);
});

test('an object without bytes that is optional is sent one time only', async () => {
  const server = await scriptedServer(() => 'reset');
  await expect(server.store({ attempts: 3 }).putEmpty('x', { optional: true })).rejects.toThrow();
  expect(server.operations).toEqual(['PutObject']);
});
