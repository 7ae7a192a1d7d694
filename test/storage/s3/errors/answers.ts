/** Failures of calls, as the SDK throws them, and their conversion. */

import type { IdentityUse } from '../../../../src/storage/s3/errors/refusals.ts';
import { fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import { createS3Settings } from '../support.ts';

const settings = createS3Settings({ bucket: 'ci', endpoint: new URL('https://s3.example.org:7480/') });
/** The use of keys of the settings before the first call. */
export const unused: IdentityUse = {
  role: undefined,
  temporary: false,
  expiresMs: undefined,
  accepted: false,
};
/** Converts the error of a read. */
export const map = (error: unknown, identity = unused) => fromS3Error(error, 'GetObject', settings, identity);

/** An error as the SDK throws it: its message is unreliable and may quote the request. */
export const answer = (httpStatusCode: number, Code?: string) =>
  Object.assign(new Error('UnknownError'), {
    name: Code ?? 'UnknownError',
    Code,
    $metadata: { httpStatusCode },
  });
