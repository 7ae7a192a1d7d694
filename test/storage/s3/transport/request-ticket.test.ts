import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { TimeoutError } from '../../../../src/retry/time-limits.ts';
import { ProtocolError } from '../../../../src/storage/s3/transport/protocol-error.ts';
import { answerOf, responseOf } from '../../../../src/storage/s3/transport/request-ticket.ts';
import { NoResponseError } from '../../../../src/storage/s3/transport/timers.ts';
import { failureOf } from '../../../support/failure-of.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

test.each<[string, Error, Error]>([
  ['a time-out', new TimeoutError('no data for 15 s'), new TimeoutError('no data for 15 s')],
  [
    'a response that is late',
    new NoResponseError('no response within 50 s'),
    new NoResponseError('no response within 50 s'),
  ],
  ['a hostile response', new ProtocolError('too long'), new ProtocolError('too long')],
  ['a failed connection', refused, refused],
  ['an error without a code', new TypeError('why'), new Error('why')],
])('%s is the same in the main thread as in a worker', async (_, error, expected) => {
  const answered = answerOf(Promise.reject(error));
  const decoded = await failureOf(answered.then(answer => responseOf(structuredClone(answer))));
  expect(decoded).toEqual(expected);
  expect(decoded).toBeInstanceOf(expected.constructor);
});

test('a body that failed in a worker and is not needed here does not end the process', async () => {
  const sending = Promise.resolve({ status: 206, headers: {}, body: Readable.from(['x']) });
  const answer = await answerOf(sending, () => Promise.reject(refused));
  const { body } = responseOf(answer);
  body.resume();
  await new Promise(resolve => body.once('close', resolve));
  expect(body.errored).toEqual(refused);
});
