import { describe, expect, test } from 'vitest';
import { StoreUnavailableError } from '../../../../../src/storage/store-errors.ts';
import { COMPLETED, cancelledInComplete, LEFT, uploadWith } from './scripted-upload.ts';

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

const DONE = '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>';

test('a Complete that is answered without an ETag has stored the object if a HEAD finds it', async () => {
  const { upload, aborts, notices } = await uploadWith([{ body: DONE }], undefined, 'ours');
  await upload.complete();
  expect(aborts()).toBe(0);
  expect(notices).toEqual([]);
});

test('a Complete whose result names the object and has no ETag needs no further request', async () => {
  const body = DONE.replace('><', '><Key>x</Key><');
  const { server, upload } = await uploadWith([{ body }], undefined, 'reset');
  await upload.complete();
  expect(server.operations.at(-1)).toBe('CompleteMultipartUpload');
});

test.each([
  ['no body', ''],
  ['a result without an ETag', DONE],
  ['a page', '<html>ok</html>'],
])(
  'a Complete that is answered by 200 and %s stored nothing if a HEAD finds no object, and the upload stays',
  async (_, body) => {
    const { server, upload, aborts, notices } = await uploadWith([{ body }]);
    await expect(upload.complete()).rejects.toThrow(StoreUnavailableError);
    expect(server.operations.at(-1)).toBe('HeadObject');
    expect(aborts()).toBe(0);
    expect(notices).toEqual(LEFT);
  },
);

test.each([['</Error>'], ['</Error>\n']])(
  'a Complete whose response of 200 has an error that ends in %j fails with its code, and aborts the upload',
  async end => {
    const body = `<Error><Code>InternalError</Code>${end}`;
    const { upload, aborts } = await uploadWith([{ body }]);
    await expect(upload.complete()).rejects.toThrow('(CompleteMultipartUpload: 200 InternalError)');
    expect(aborts()).toBe(1);
  },
);

test('the clock of a server is not used after an error of RequestTimeTooSkewed in a response of 200', async () => {
  const body = '<Error><Code>RequestTimeTooSkewed</Code></Error>';
  const headers = { date: 'Thu, 01 Jan 2026 00:00:00 GMT' };
  const { upload, signedAt } = await uploadWith([{ body, headers }]);
  await expect(upload.complete()).rejects.toThrow('200 RequestTimeTooSkewed');
  expect(signedAt()).not.toContain('20260101');
});
