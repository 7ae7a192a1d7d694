import { expect, test } from 'vitest';
import { isNeverSaved, isStagingName, stagingName } from '../../../../src/archive/fs/paths/staging-name.ts';

test('each new name of staging is another one', () => {
  const names = [1, 2].map(() => stagingName('42-00c0ffee'));
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^\.cache-s3-42-00c0ffee-[0-9a-f]{8}$/);
});

test.each(['', '42', '42-00c0ffe', '42-00C0FFEE', '../42-00c0ffee', 'a-00c0ffee'])(
  'a run label %j is refused',
  label => {
    expect(() => stagingName(label)).toThrow(TypeError);
  },
);

test.each([
  '.cache-s3-store',
  '.cache-s3-1-00c0ffee',
  'x.cache-s3-1-00c0ffee-00c0ffee',
  '.cache-s3-1-00c0ffee-00c0ffee.tar',
])("a user's %j is no staging", name => {
  expect(isStagingName(name)).toBe(false);
});

test.each([
  '.cache-s3-1-00c0ffee-00c0ffee',
  `cache-s3-half-${'0a'.repeat(32)}`,
  `cache-s3-tree-${'0a'.repeat(32)}.new`,
])('%j is never saved', name => {
  expect(isNeverSaved(name)).toBe(true);
});

test.each(['cache-s3-half-life', 'cache-s3-tree', `my-cache-s3-tree-${'0a'.repeat(32)}`])(
  "a user's %j is saved",
  name => {
    expect(isNeverSaved(name)).toBe(false);
  },
);
