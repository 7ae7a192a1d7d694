import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { Caller } from '../../../../src/storage/s3/calls/caller.ts';
import { Capabilities } from '../../../../src/storage/s3/calls/capabilities.ts';
import { ResponseError } from '../../../../src/storage/s3/errors/response-error.ts';
import { ownBody, ownsMemory, sendPart } from '../../../../src/storage/s3/write/body.ts';
import { BodyTooLargeError } from '../../../../src/storage/store-errors.ts';

const REQUIRED = 'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests';

const refusal = (status: number, message = '') =>
  new ResponseError({ status, headers: {} }, `<Error><Message>${message}</Message></Error>`);

/** Sends a body to a server that fails so often, one after the other. Returns what was sent. */
async function sendWith(failures: readonly Error[], capabilities = new Capabilities()) {
  const left = [...failures];
  const sent: (string | undefined)[] = [];
  const body = { sizeBytes: 5, md5: () => 'the MD5' };
  const result = await sendPart({ capabilities } as Caller, body, async ({ ContentMD5 }) => {
    sent.push(ContentMD5);
    const failure = left.shift();
    if (failure) throw failure;
    return 'stored';
  }).catch(error => error);
  return { sent, result, capabilities };
}

test('a part is sent without its MD5 as long as the server does not require it', async () => {
  expect(await sendWith([])).toMatchObject({ sent: [undefined], result: 'stored' });
});

test('a part is sent again with its MD5 to a server that requires it, and later parts at once', async () => {
  const { sent, result, capabilities } = await sendWith([refusal(400, REQUIRED)]);
  expect({ sent, result }).toEqual({ sent: [undefined, 'the MD5'], result: 'stored' });
  expect((await sendWith([], capabilities)).sent).toEqual(['the MD5']);
});

test.each([
  ['another 400', refusal(400, 'The part is too small'), 1],
  ['another status with these words', refusal(403, REQUIRED), 1],
])('a part that is refused by %s is not sent again', async (_, failure, times) => {
  const { sent, result, capabilities } = await sendWith([failure]);
  expect(sent).toHaveLength(times);
  expect(result).toBe(failure);
  expect(capabilities.needsContentMd5).toBe(false);
});

test('a part that is refused with its MD5 is not sent once more', async () => {
  const capabilities = new Capabilities();
  capabilities.needsContentMd5 = true;
  const failure = refusal(400, REQUIRED);
  expect(await sendWith([failure], capabilities)).toMatchObject({ sent: ['the MD5'], result: failure });
});

test('the store remembers the smallest part that was refused as too large', async () => {
  const capabilities = new Capabilities();
  expect((await sendWith([refusal(413)], capabilities)).result).toBeInstanceOf(BodyTooLargeError);
  expect(capabilities.refusedBodyBytes).toBe(5);
  capabilities.refusedBodyBytes = 3;
  await sendWith([refusal(413)], capabilities);
  expect(capabilities.refusedBodyBytes).toBe(3);
});

test('a body in this thread has its bytes, counts them, and frees only the memory that its pieces own', async () => {
  const [own, shared] = [new Uint8Array(Buffer.alloc(1000, 'a')), new Uint8Array(new ArrayBuffer(100), 0, 4)];
  const body = ownBody({ pieces: [own, shared], sizeBytes: 1004 });
  const sent: number[] = [];
  const progress = { countCompleted() {}, countSent: (bytes: number) => void sent.push(bytes) };
  expect(await buffer(body.stream(progress))).toHaveLength(1004);
  expect(sent).toEqual([1000, 4]);
  body.release();
  expect([own.byteLength, shared.byteLength]).toEqual([0, 4]);
});

test('a piece owns its memory unless more than half of the memory is of others', () => {
  const memory = new ArrayBuffer(100);
  expect([100, 50, 49].map(bytes => ownsMemory(new Uint8Array(memory, 0, bytes)))).toEqual([
    true,
    true,
    false,
  ]);
});
