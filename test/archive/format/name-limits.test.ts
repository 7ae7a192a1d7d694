import { describe, expect, test } from 'vitest';
import { isNameTooLong, isTargetTooLong, levelsOf } from '../../../src/archive/format/name-limits.ts';

describe('isNameTooLong', () => {
  test.each([
    ['a name of 32,767 bytes', `./${'d'.repeat(999)}/`.padEnd(32_767, `${'e'.repeat(999)}/`), false],
    ['a name of 32,768 bytes', `./${'d'.repeat(999)}/`.padEnd(32_768, `${'e'.repeat(999)}/`), true],
    ['a component of 1,024 bytes', `./${'n'.repeat(1024)}/`, false],
    ['a component of 1,025 bytes', `./${'n'.repeat(1025)}`, true],
    ['a component of 1,026 bytes in 342 characters', `./${'日'.repeat(342)}/x`, true],
    ['a component of 1,024 bytes that are not UTF-8', `./${'\udcff'.repeat(1024)}`, false],
    ['2,048 components', `./${'d/'.repeat(2047)}`, false],
    ['2,049 components', `./${'d/'.repeat(2047)}x`, true],
  ])('is right for %s', (_, name, isTooLong) => {
    expect(isNameTooLong(name)).toBe(isTooLong);
  });
});

test.each([
  ['t'.repeat(32_767), false],
  ['t'.repeat(32_768), true],
  ['日'.repeat(10_923), true],
])('isTargetTooLong counts bytes', (target, isTooLong) => {
  expect(isTargetTooLong(target)).toBe(isTooLong);
});

test.each([
  ['', 1],
  ['/', 1],
  ['./', 1],
  ['./a', 2],
  ['./a/', 2],
  ['./a/b', 3],
])('%j has the components of its anchor and its path: %i', (name, levels) => {
  expect(levelsOf(name)).toBe(levels);
});
