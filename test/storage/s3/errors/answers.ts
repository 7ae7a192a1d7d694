/** Failures of calls, and their conversion. */

import type { IdentityUse } from '../../../../src/storage/s3/errors/refusals.ts';
import { ResponseError } from '../../../../src/storage/s3/errors/response-error.ts';
import { classify, fromS3Error } from '../../../../src/storage/s3/errors/s3-errors.ts';
import { createS3Settings } from '../support.ts';

const settings = createS3Settings({ bucket: 'ci', endpoint: new URL('https://s3.example.org:7480/') });
/** The use of keys of the settings before the first call. */
export const unused: IdentityUse = {
  role: undefined,
  isTemporary: false,
  expiresMs: undefined,
  haveWorked: false,
};
/** Converts the error of a read. */
export const map = (error: unknown, identity = unused) =>
  fromS3Error(classify(error), 'GetObject', settings, identity);

/** The error of a response. */
export const answer = (status: number, code?: string, headers: Record<string, string> = {}) =>
  new ResponseError({ status, headers }, code && `<Error><Code>${code}</Code></Error>`);
