import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { silentLog } from '../../../../src/report/log.ts';
import type { Upload } from '../../../../src/storage/object-store.ts';
import { type ScriptedAnswer, type ScriptedServer, scriptedServer } from '../scripted-server.ts';

const MiB = 1024 * 1024;
const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';

const COMPLETED = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';

type CompleteAnswer = ScriptedAnswer | 'silent' | 'reset';

/**
 * An upload of two parts to a server that answers its Completes like this, the last answer for ever, and then a look at
 * the object.
 */
async function uploadWith(
  answers: readonly (CompleteAnswer | Promise<CompleteAnswer>)[],
  signal = new AbortController().signal,
  lookAfterComplete: CompleteAnswer = { status: 404 },
) {
  const left = [...answers];
  const said: string[] = [];
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
        return server.operations.includes('CompleteMultipartUpload') ? lookAfterComplete : { status: 404 };
    }
  });
  const log = { ...silentLog, notice: (line: string) => said.push(line) };
  const upload: Upload = server.store({ attempts: 2 }, { log }).createUpload('x', {
    partSizeBytes: 5 * MiB,
    onlyIfAbsent: true,
    onPublish: () => published++,
    signal,
  });
  await upload.write(randomBytes(6 * MiB));
  const aborts = () => server.operations.filter(operation => operation === 'AbortMultipartUpload').length;
  return { server, upload, said, aborts, published: () => published };
}

/** The signal comes when the server has the Complete; then the server answers. */
async function cancelledInComplete(answer: CompleteAnswer) {
  const controller = new AbortController();
  const held = Promise.withResolvers<CompleteAnswer>();
  const given = await uploadWith([held.promise], controller.signal);
  const end = given.upload.complete();
  end.catch(() => {});
  await expect.poll(() => given.server.operations.at(-1)).toBe('CompleteMultipartUpload');
  controller.abort(new Error('cancelled'));
  held.resolve(answer);
  return { ...given, end };
}

const LEFT = [expect.stringContaining('Whether x was stored is not known, so its upload is not aborted')];

describe('behind a Complete that may still be running no Abort is sent', () => {
  test.each<[string, readonly CompleteAnswer[]]>([
    ['silence', ['silent']],
    ['lost connections', ['reset']],
    ['502 of a proxy in front', [{ status: 502 }]],
    ['503 of a proxy in front', [{ status: 503, body: '<html>upstream reset</html>' }]],
    ['504 of a proxy in front', [{ status: 504 }]],
    ['a lost connection, then a refusal', ['reset', { status: 400 }]],
    ['a lost connection, then 500: it is being joined already', ['reset', { status: 500 }]],
    ['500, then a lost connection', [{ status: 500 }, 'reset']],
  ])('%s', async (_, answers) => {
    const { upload, said, aborts } = await uploadWith(answers);
    await expect(upload.complete()).rejects.toThrow();
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(said).toEqual(LEFT);
  });

  test('a signal, and no answer in the time that is left', async () => {
    const { upload, said, aborts, published, end } = await cancelledInComplete('silent');
    await expect(end).rejects.toThrow('cancelled');
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(said).toEqual(LEFT);
    expect(published()).toBe(1);
  });
});

const SLOW_DOWN = '<Error><Code>SlowDown</Code></Error>';

test.each<[number, string?]>([[400], [403], [404], [412], [429], [500], [503, SLOW_DOWN]])(
  'a Complete that is answered by %i is over: the upload is aborted',
  async (status, body = '') => {
    const { upload, said, aborts } = await uploadWith([{ status, body }]);
    await expect(upload.complete()).rejects.toThrow();
    expect(aborts()).toBe(1);
    expect(said).toEqual([]);
  },
);

describe('a signal while the server is at work on a Complete', () => {
  test('does not undo what is done then', async () => {
    const { upload, said, aborts, end } = await cancelledInComplete({ body: COMPLETED });
    expect(await end).toMatchObject({ etag: 'whole' });
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(said).toEqual([]);
  });

  test('ends the save after its refusal, and the upload is aborted', async () => {
    const { server, aborts, end } = await cancelledInComplete({ status: 500 });
    await expect(end).rejects.toThrow('cancelled');
    expect(aborts()).toBe(1);
    expect(server.operations.filter(operation => operation === 'CompleteMultipartUpload')).toHaveLength(1);
  });
});

test('before Complete is sent nothing can appear, and the upload is aborted', async () => {
  const { upload, aborts, published } = await uploadWith(['silent']);
  await upload.abort();
  expect(aborts()).toBe(1);
  expect(published()).toBe(0);
});

test('an object is stored, although the look at it after Complete is not answered', async () => {
  const done = '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>';
  const { server, upload, aborts } = await uploadWith([{ body: done }], undefined, 'reset');
  expect(await upload.complete()).toMatchObject({ name: 'x', sizeBytes: 6 * MiB });
  expect(server.operations.at(-1)).toBe('HeadObject');
  expect(aborts()).toBe(0);
});

test('a Complete that was answered leaves no upload, also where the object is another one by then', async () => {
  const done = '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>';
  const { upload, said, aborts } = await uploadWith([{ body: done }]);
  await expect(upload.complete()).rejects.toThrow('was replaced by another job');
  expect(aborts()).toBe(0);
  expect(said).toEqual([]);
});
