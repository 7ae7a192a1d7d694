import { describe, expect, test } from 'vitest';
import { type CompleteAnswer, cancelledInComplete, LEFT, uploadWith } from './scripted-upload.ts';

describe('a Complete that may still be running is not followed by an Abort', () => {
  test.each<[string, readonly CompleteAnswer[]]>([
    ['no answer', ['silent']],
    ['lost connections', ['reset']],
    ['502 of a proxy in front', [{ status: 502 }]],
    ['503 of a proxy in front', [{ status: 503, body: '<html>upstream reset</html>' }]],
    ['503 of a proxy in front that has a code', [{ status: 503, body: '<Code>UnknownError</Code>' }]],
    ['504 of a proxy in front', [{ status: 504 }]],
    ['a lost connection, then a refusal', ['reset', { status: 400 }]],
    ['a lost connection, then 500 because the parts are being joined already', ['reset', { status: 500 }]],
    ['500, then a lost connection', [{ status: 500 }, 'reset']],
  ])('after %s', async (_, answers) => {
    const { upload, notices, aborts } = await uploadWith(answers);
    await expect(upload.complete()).rejects.toThrow();
    await upload.abort();
    expect(aborts()).toBe(0);
    expect(notices).toEqual(LEFT);
  });

  test('after a signal and no answer within its grace period', async () => {
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

test('an upload that ends before its Complete is aborted', async () => {
  const { upload, aborts, published } = await uploadWith(['silent']);
  await upload.abort();
  expect(aborts()).toBe(1);
  expect(published()).toBe(0);
});

test.each<[string, CompleteAnswer]>([
  ['is refused', { status: 403 }],
  ['fails', 'reset'],
])(
  'an upload whose Abort %s is left with a notice, and the failure of the save is that of its Complete',
  async (_, answer) => {
    const { upload, notices } = await uploadWith([{ status: 400 }], undefined, undefined, answer);
    await expect(upload.complete()).rejects.toThrow('CompleteMultipartUpload: 400');
    expect(notices).toEqual([
      expect.stringMatching(/^An unfinished upload of x could not be removed \(.*AbortMultipartUpload/),
    ]);
  },
);
