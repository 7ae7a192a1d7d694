import { expect, test } from 'vitest';
import type { HeadInfo } from '../../../../src/storage/s3/read/head.ts';
import {
  conditionError,
  isConditionMet,
  isOurs,
  type Publication,
} from '../../../../src/storage/s3/write/publication.ts';
import { ObjectExistsError, ObjectReplacedError } from '../../../../src/storage/store-errors.ts';

const publication: Publication = {
  name: 'x',
  saveId: 'ours',
  sizeBytes: 1,
  onlyIfAbsent: false,
  onlyIfEtag: undefined,
  signal: undefined,
  onPublish: undefined,
};
const present: HeadInfo = { name: 'x', sizeBytes: 1, etag: 'e', modifiedMs: 0, saveId: 'other' };

test.each([
  ['always', {}, true, true],
  ['only if there is none', { onlyIfAbsent: true }, true, false],
  ['only in place of the same object', { onlyIfEtag: 'e' }, false, true],
  ['only in place of another object', { onlyIfEtag: 'f' }, false, false],
])(
  'the condition "%s" holds for exactly the states of the object that it names',
  (_, condition, absent, taken) => {
    const wanted = { ...publication, ...condition };
    expect([isConditionMet(wanted, undefined), isConditionMet(wanted, present)]).toEqual([absent, taken]);
  },
);

test('a condition that does not hold is reported as a key that exists, or as a replaced object', () => {
  expect(conditionError({ ...publication, onlyIfAbsent: true })).toBeInstanceOf(ObjectExistsError);
  expect(conditionError({ ...publication, onlyIfEtag: 'e' })).toBeInstanceOf(ObjectReplacedError);
});

test('an object belongs to an upload by its save-id, whatever its ETag is', () => {
  const etag = () => 'e';
  expect(isOurs({ ...present, saveId: 'ours', etag: 'f' }, publication, etag)).toBe(true);
  expect(isOurs(present, publication, etag)).toBe(false);
  expect(isOurs(undefined, publication, etag)).toBe(false);
});

test('an object without a save-id belongs to an upload by its ETag', () => {
  const bare = { ...present, saveId: undefined };
  expect(isOurs(bare, publication, () => 'e')).toBe(true);
  expect(isOurs(bare, publication, () => 'f')).toBe(false);
});
