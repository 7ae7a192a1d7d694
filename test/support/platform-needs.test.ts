import { expect, test } from 'vitest';
import * as needs from './platform-needs.ts';

const { need, requires, skipWithout, program, ...properties } = needs;
const { linux } = needs;
// A container may have neither of them, and Linux is not Windows
const FREE = ['birthTimes', 'mounting', 'root', 'tar', 'windows'];

test('a test that lacks a property is skipped with all its reasons', () => {
  const [a, b, c] = ['no a', undefined, 'no c'].map(missing => ({ missing }));
  expect(requires(a!, b!, c!)).toEqual({ skip: true, meta: { skipReason: 'no a, no c' } });
  expect(requires(b!)).toEqual({ skip: false });
  expect([need(true, 'no d').missing, need(undefined, 'no d').missing]).toEqual([undefined, 'no d']);
});

test.each(Object.entries(properties).filter(([name]) => !FREE.includes(name)))(
  'Linux has the property %s, so that no test is skipped there for lack of it',
  requires(linux),
  (_, { missing }) => {
    expect(missing).toBeUndefined();
  },
);
