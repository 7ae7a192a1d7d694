import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MiB } from '../../../support/sizes.ts';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';
import { shortLimits } from '../support.ts';

const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
const COMPLETED = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';
const SLOW_DOWN = { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };
/** Duration of a transfer in ms: longer than the first wait before another attempt. */
const TRANSFER_MS = 400;
const timeLimits = { ...shortLimits, firstByteMs: 10_000, firstResponseMs: 20_000, idleTimeoutMs: 10_000 };

/** Serves two transfers at a time and refuses one more. A place is free again when its response was sent. */
function twoAtATime(transfer: string, served: ScriptedAnswer) {
  let busy = 0;
  return scriptedServer(async operation => {
    if (operation === transfer) {
      if (busy === 2) return SLOW_DOWN;
      busy++;
      await delay(TRANSFER_MS);
      busy--;
      return served;
    }
    if (operation === 'CreateMultipartUpload') return { body: CREATED };
    if (operation === 'CompleteMultipartUpload') return { body: COMPLETED };
    return { status: operation === 'AbortMultipartUpload' ? 204 : 404 };
  });
}

test('every part is stored by a server that accepts two at a time', async () => {
  const server = await twoAtATime('UploadPart', { headers: { etag: '"part"' } });
  const upload = server
    .store({ attempts: 3 }, { timeLimits })
    .createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
  for (let i = 0; i < 12; i++) await upload.write(randomBytes(5 * MiB));
  await upload.complete();
});

test('every range is read from a server that accepts two at a time', async () => {
  const headers = { etag: '"e"', 'content-range': 'bytes 0-3/4' };
  const server = await twoAtATime('GetObject', { status: 206, headers, body: 'four' });
  const store = server.store({ attempts: 3 }, { timeLimits });
  const range = { start: 0, end: 4 };
  const ranges = Array.from({ length: 12 }, () => store.getRange('x', range));
  const answers = await Promise.all(ranges);
  expect(answers.map(answer => answer?.bytes.length)).toEqual(Array(12).fill(4));
});
