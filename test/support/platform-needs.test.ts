import { expect, test } from 'vitest';
import * as needs from './platform-needs.ts';

const { requires, skipWithout, program, ...properties } = needs;

test('a test that lacks a property is skipped with all its reasons', () => {
  const [a, b, c] = ['no a', undefined, 'no c'].map(missing => ({ missing }));
  expect(requires(a!, b!, c!)).toEqual({ skip: true, meta: { skipReason: 'no a, no c' } });
  expect(requires(b!)).toEqual({ skip: false });
});

test
  .runIf(process.platform === 'linux')
  .each(Object.entries(properties).filter(([name]) => !['tar', 'birthTimes', 'windows'].includes(name)))(
  'Linux has the property %s, so that no test is skipped there for lack of it',
  (_, { missing }) => {
    expect(missing).toBeUndefined();
  },
);
