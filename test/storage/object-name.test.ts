import { expect, test } from 'vitest';
import { checkName } from '../../src/storage/object-name.ts';
import { NameTooLongError } from '../../src/storage/store-errors.ts';

test('a name of 1024 bytes is accepted, and one of 1025 is not', () => {
  expect(checkName('n'.repeat(1024))).toHaveLength(1024);
  expect(() => checkName('n'.repeat(1025))).toThrow(NameTooLongError);
});

test('the length of a name counts bytes of UTF-8, and the error shows its beginning', () => {
  expect(() => checkName('日'.repeat(342))).toThrow(
    `the object name has 1026 bytes, but S3 allows 1024: ${'日'.repeat(80)}...`,
  );
});
