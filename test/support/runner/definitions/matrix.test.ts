import { expect, it } from 'vitest';
import { expandMatrix, legName } from './matrix.ts';

it('a job without a matrix has one leg', () => {
  expect(expandMatrix(undefined)).toEqual([{}]);
});

it('a matrix is the product of its axes without its exclusions', () => {
  const matrix = { os: ['a', 'b'], node: [1, 2], exclude: [{ os: 'b', node: 1 }] };
  expect(expandMatrix(matrix)).toEqual([
    { os: 'a', node: 1 },
    { os: 'a', node: 2 },
    { os: 'b', node: 2 },
  ]);
});

it("a matrix includes as in GitHub's own example", () => {
  const matrix = {
    fruit: ['apple', 'pear'],
    animal: ['cat', 'dog'],
    include: [
      { color: 'green' },
      { color: 'pink', animal: 'cat' },
      { fruit: 'apple', shape: 'circle' },
      { fruit: 'banana' },
      { fruit: 'banana', animal: 'cat' },
    ],
  };
  expect(expandMatrix(matrix)).toEqual([
    { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
    { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
    { fruit: 'pear', animal: 'cat', color: 'pink' },
    { fruit: 'pear', animal: 'dog', color: 'green' },
    { fruit: 'banana' },
    { fruit: 'banana', animal: 'cat' },
  ]);
});

it('a matrix may consist of includes alone', () => {
  expect(expandMatrix({ include: [{ a: 1 }, { a: 2, b: 3 }] })).toEqual([{ a: 1 }, { a: 2, b: 3 }]);
});

it('a leg is named by its values', () => {
  expect(legName('build', { python: 3.12, os: 'linux' })).toBe('build (3.12, linux)');
  expect(legName('build', {})).toBe('build');
});
