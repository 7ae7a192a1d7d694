import { expect, test } from 'vitest';
import { ignoreErrors } from '../../../src/archive/fs/ignore-errors.ts';

test('ignoreErrors returns the result of the action, or undefined if the action throws', () => {
  const fail = () => {
    throw new Error('refused');
  };
  expect([ignoreErrors(() => 7), ignoreErrors(fail)]).toEqual([7, undefined]);
});
