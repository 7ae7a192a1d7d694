import { describe, expect, test } from 'vitest';
import { COMPLETED, cancelledInComplete, uploadWith } from './scripted-upload.ts';

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

test('a Complete that is answered without an ETag needs no further request', async () => {
  const done = '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>';
  const { server, upload, notices, aborts } = await uploadWith([{ body: done }], undefined, 'reset');
  await upload.complete();
  expect(server.operations.at(-1)).toBe('CompleteMultipartUpload');
  expect(aborts()).toBe(0);
  expect(notices).toEqual([]);
});
