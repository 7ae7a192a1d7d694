import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Upload } from '../../../../../src/storage/object-store.ts';
import { silentLog } from '../../../../support/silent-log.ts';
import { MiB } from '../../../../support/sizes.ts';
import { type ScriptedAnswer, type ScriptedServer, scriptedServer } from '../../scripted-server.ts';

const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';

const COMPLETED = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';

type CompleteAnswer = ScriptedAnswer | 'silent' | 'reset';

/**
 * Begins an upload of two parts to a server that gives these answers to its Completes, the last one for ever, and
 * `headAfterComplete` to the HEADs that follow.
 */
async function uploadWith(
  answers: readonly (CompleteAnswer | Promise<CompleteAnswer>)[],
  signal = new AbortController().signal,
  headAfterComplete: CompleteAnswer = { status: 404 },
) {
  const left = [...answers];
  const notices: string[] = [];
  let published = 0;
  const server: ScriptedServer = await scriptedServer(operation => {
    switch (operation) {
      case 'CreateMultipartUpload':
        return { body: CREATED };
      case 'UploadPart':
        return { headers: { etag: '"part"' } };
      case 'CompleteMultipartUpload':
        return (left.length > 1 ? left.shift() : left[0])!;
      case 'AbortMultipartUpload':
        return { status: 204 };
      default:
        return server.operations.includes('CompleteMultipartUpload') ? headAfterComplete : { status: 404 };
    }
  });
  const log = { ...silentLog, notice: (line: string) => notices.push(line) };
  const upload: Upload = server.store({ attempts: 2 }, { log }).createUpload('x', {
    partSizeBytes: 5 * MiB,
    onlyIfAbsent: true,
    onPublish: () => published++,
    signal,
  });
  await upload.write(randomBytes(6 * MiB));
  const aborts = () => server.operations.filter(operation => operation === 'AbortMultipartUpload').length;
  return { server, upload, notices, aborts, published: () => published };
}

/** Aborts the signal when the server has received the Complete; then the server answers. */
async function cancelledInComplete(answer: CompleteAnswer) {
  const controller = new AbortController();
  const held = Promise.withResolvers<CompleteAnswer>();
  const given = await uploadWith([held.promise], controller.signal);
  const end = given.upload.complete();
  end.catch(() => {});
  await expect
    .poll(() => given.server.operations.at(-1), { timeout: 20_000 })
    .toBe('CompleteMultipartUpload');
  controller.abort(new Error('cancelled'));
  held.resolve(answer);
  return { ...given, end };
}

const LEFT = [expect.stringContaining('It is not known whether x was stored, so its upload is not aborted')];

describe('a Complete that may still be running is not followed by an Abort', () => {
  test.each<[string, readonly CompleteAnswer[]]>([
    ['no answer', ['silent']],
    ['lost connections', ['reset']],
    ['502 of a proxy in front', [{ status: 502 }]],
    ['503 of a proxy in front', [{ status: 503, body: '<html>upstream reset</html>' }]],
    ['504 of a proxy in front', [{ status: 504 }]],
    ['a lost connection, then a refusal', ['reset', { status: 400 }]],
    ['a lost connection, then 500: it is being joined already', ['reset', { status: 500 }]],
    ['500, then a lost connection', [{ status: 500 }, 'reset']],
  ])('after %s', async (_, answers) => {
    const { upload, notices, aborts } = await uploadWith(answers);
    await expect(upload.complete()).rejects.toThrow();
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(notices).toEqual(LEFT);
  });

  test('after a signal and no answer in the time that is left', async () => {
    const { upload, notices, aborts, published, end } = await cancelledInComplete('silent');
    await expect(end).rejects.toThrow('cancelled');
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(notices).toEqual(LEFT);
    expect(published()).toBe(1);
  });
});

const SLOW_DOWN = '<Error><Code>SlowDown</Code></Error>';

test.each<[number, string?]>([[400], [403], [404], [412], [429], [500], [503, SLOW_DOWN]])(
  'an upload whose Complete is answered by %i is aborted',
  async (status, body = '') => {
    const { upload, notices, aborts } = await uploadWith([{ status, body }]);
    await expect(upload.complete()).rejects.toThrow();
    expect(aborts()).toBe(1);
    expect(notices).toEqual([]);
  },
);

describe('a signal during a Complete', () => {
  test('does not undo an object that the server then stores', async () => {
    const { upload, notices, aborts, end } = await cancelledInComplete({ body: COMPLETED });
    await end;
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(notices).toEqual([]);
  });

  test('ends the save after a refusal and aborts the upload', async () => {
    const { server, aborts, end } = await cancelledInComplete({ status: 500 });
    await expect(end).rejects.toThrow('cancelled');
    expect(aborts()).toBe(1);
    expect(server.operations.filter(operation => operation === 'CompleteMultipartUpload')).toHaveLength(1);
  });
});

test('an upload that ends before its Complete is aborted', async () => {
  const { upload, aborts, published } = await uploadWith(['silent']);
  await upload.abort();
  expect(aborts()).toBe(1);
  expect(published()).toBe(0);
});

test('a Complete that is answered without an ETag needs no further request', async () => {
  const done = '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>';
  const { server, upload, notices, aborts } = await uploadWith([{ body: done }], undefined, 'reset');
  await upload.complete();
  expect(server.operations.at(-1)).toBe('CompleteMultipartUpload');
  expect(aborts()).toBe(0);
  expect(notices).toEqual([]);
});
