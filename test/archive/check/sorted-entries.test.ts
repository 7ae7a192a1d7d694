import { expect, test } from 'vitest';
import { hasEntry, lowerBound } from '../../../src/archive/check/sorted-entries.ts';
import type { Entry } from '../../../src/archive/format/entry.ts';

const names = ['./a', './a-b', './a/', './a/b', '\udcff'];
const entries = names.map(name => ({ name }) as Entry);

test('hasEntry finds each entry and no other name', () => {
  expect(names.every(name => hasEntry(entries, name))).toBe(true);
  expect(['', './', './a/a', './b', '\udcfe', 'z'].some(name => hasEntry(entries, name))).toBe(false);
  expect(hasEntry([], './a')).toBe(false);
});

test('lowerBound returns the index of the first item that is not before a name in byte order', () => {
  const indexOf = (name: string) => lowerBound(names, item => item, name);
  expect(['', './a', './a!', './a/a', './z', '\udcff', '\uffff'].map(indexOf)).toEqual([0, 0, 1, 3, 4, 4, 4]);
});
