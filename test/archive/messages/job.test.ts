import { expect, test } from 'vitest';
import {
  DamagedArchiveError,
  SourceTreeError,
  StagedFileError,
} from '../../../src/archive/archive-errors.ts';
import { decodeFailure, encodeFailure } from '../../../src/archive/messages/job.ts';

test.each([DamagedArchiveError, SourceTreeError])(
  'an archive error keeps its class, message and code between threads: %o',
  ErrorClass => {
    const error = Object.assign(new ErrorClass('the reason'), { code: 'ENOSPC' });
    const received = decodeFailure(structuredClone(encodeFailure(error)));
    expect(received).toBeInstanceOf(ErrorClass);
    expect(received).toMatchObject({ message: 'the reason', code: 'ENOSPC' });
  },
);

test('an error of a staged file keeps its path and code between threads', () => {
  const error = new StagedFileError('/work/staging/file', { code: 'ENOSPC' });
  const received = decodeFailure(structuredClone(encodeFailure(error)));
  expect(received).toBeInstanceOf(StagedFileError);
  expect(received).toMatchObject({ path: '/work/staging/file', code: 'ENOSPC' });
});

test('an error that is not of the archive arrives as a plain Error on the other thread', () => {
  const received = decodeFailure(structuredClone(encodeFailure(new TypeError('a bug'))));
  expect(received.constructor).toBe(Error);
  expect(received.message).toBe('a bug');
  expect(received).not.toHaveProperty('code');
});
