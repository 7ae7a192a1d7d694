import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ObjectReplacedError } from '../../../../src/storage/store-errors.ts';
import { scriptedServer } from '../scripted-server.ts';
import { shortLimits } from '../support.ts';

test.each([true, false])(
  'a PutObject may take longer than the limit of the first response (onlyIfAbsent: %s)',
  async onlyIfAbsent => {
    const timeLimits = { ...shortLimits, firstAnswerMs: 1500, firstByteMs: 5000, idleTimeoutMs: 5000 };
    const server = await scriptedServer(async operation => {
      if (operation !== 'PutObject') return { status: 404 };
      await delay(2000);
      return { headers: { etag: '"e"' } };
    });
    const upload = server
      .store({ attempts: 1 }, { timeLimits })
      .createUpload('x', { partSizeBytes: 5_242_880, onlyIfAbsent });
    await upload.write(Buffer.from('slow'));
    await upload.complete();
    expect(server.operations).toEqual(['HeadObject', 'PutObject']);
  },
);

test('credentials that may only write replace an object of one part', async () => {
  const server = await scriptedServer(operation =>
    operation === 'PutObject' ? { headers: { etag: '"e"' } } : { status: 403 },
  );
  const upload = server.store().createUpload('x', { partSizeBytes: 5_242_880, onlyIfAbsent: false });
  await upload.write(Buffer.from('new'));
  await upload.complete();
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
