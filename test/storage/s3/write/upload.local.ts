import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Upload } from '../../../../src/storage/object-store.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { MiB } from '../../../support/sizes.ts';
import { scriptedServer } from '../scripted-server.ts';

test('an upload that is given up between two steps of a copy is not created afterwards', async () => {
  const server = await scriptedServer(operation => {
    if (operation === 'HeadObject') return { headers: { etag: '"e"', 'content-length': 6 * MiB } };
    if (operation !== 'CreateMultipartUpload') return { status: 404 };
    return { body: '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>' };
  });
  let aborted: Promise<void> | undefined;
  const log = {
    ...silentLog,
    // Emitted when the source has been checked, before the copy goes on
    debug: (line: string) => {
      if (line.startsWith('s3 HeadObject')) aborted = upload.abort();
    },
  };
  const store = server.store({}, { log });
  const upload: Upload = store.createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
  const copied = upload.copyRange({ name: 'source', etag: 'e' }, { start: 0, end: 6 * MiB });
  await expect(copied).rejects.toThrow('the upload was aborted');
  await aborted;
  await delay(50);
  expect(server.operations).toEqual(['HeadObject']);
});

test('an upload fails if a range is copied after bytes were written, because they would land behind it', async () => {
  const server = await scriptedServer(() => ({ status: 404 }));
  const upload = server.store().createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: false });
  await upload.write(new Uint8Array(1));
  const message = 'a range cannot be copied after bytes were written';
  await expect(upload.copyRange({ name: 'source', etag: 'e' }, { start: 0, end: 6 * MiB })).rejects.toThrow(
    message,
  );
  await expect(upload.complete()).rejects.toThrow(message);
  expect(server.operations).toEqual([]);
});

test('Complete lists the parts by their numbers, in whatever order they were stored', async () => {
  const anotherIsStored = Promise.withResolvers<void>();
  let body = '';
  const server = await scriptedServer(async (operation, request) => {
    switch (operation) {
      case 'CreateMultipartUpload':
        return {
          body: '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>',
        };
      case 'UploadPart':
        if (/[?&]partNumber=1(?:&|$)/.test(request.url ?? '')) await anotherIsStored.promise;
        return { headers: { etag: '"part"' } };
      case 'CompleteMultipartUpload':
        request.on('data', chunk => {
          body += chunk;
        });
        return {
          body: '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>',
        };
      default:
        return { status: 404 };
    }
  });
  const upload = server.store().createUpload('x', {
    partSizeBytes: 5 * MiB,
    onlyIfAbsent: false,
    onBytes: () => anotherIsStored.resolve(),
  });
  for (let part = 0; part < 3; part++) await upload.write(new Uint8Array(5 * MiB));
  await upload.complete();
  const numbers = [...body.matchAll(/<PartNumber>(\d+)</g)].map(match => Number(match[1]));
  expect(numbers).toEqual([1, 2, 3]);
});
