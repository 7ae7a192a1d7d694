import { expect, test } from 'vitest';
import { TimeoutError } from '../../../../src/retry/time-limits.ts';
import { ProtocolError } from '../../../../src/storage/s3/transport/protocol-error.ts';
import { decodeError, encodeError } from '../../../../src/storage/s3/transport/request-ticket.ts';
import { NoResponseError } from '../../../../src/storage/s3/transport/timers.ts';

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
])('%s is the same in the main thread as in a worker', (_, error, expected) => {
  const decoded = decodeError(structuredClone(encodeError(error)));
  expect(decoded).toEqual(expected);
  expect(decoded).toBeInstanceOf(expected.constructor);
});
