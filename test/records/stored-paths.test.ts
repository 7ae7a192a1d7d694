import { expect, test } from 'vitest';
import { overlap } from '../../src/records/stored-paths.ts';

test.each<[readonly string[], readonly string[], boolean]>([
  [['./deps'], ['./deps'], true],
  [['./deps'], ['./deps/'], true],
  [['./deps'], ['./deps/a'], true],
  [['./deps/a'], ['./deps'], true],
  [['./deps'], ['./'], true],
  [['./deps'], ['/'], true],
  [['./deps'], ['./dep'], false],
  [['./deps'], ['./deps-2'], false],
  [['./deps'], ['~/deps'], false],
  [['./deps/**/*.o'], ['./deps/a'], true],
  [['./de*'], ['./deps'], true],
  [['./a/b?'], ['./c'], false],
  [['./a', '!./a/b'], ['./b'], false],
  [['!./a'], ['./a'], false],
  [['./a', './b'], ['./c', './b/x'], true],
  [[], ['./a'], false],
])('the paths %j and %j overlap: %s', (some, others, expected) => {
  expect(overlap(some, others)).toBe(expected);
  expect(overlap(others, some)).toBe(expected);
});
