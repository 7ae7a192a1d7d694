import { describe, expect, test } from 'vitest';
import { isRefusal, RefusedAttributes } from '../../../src/archive/fs/refused-attributes.ts';
import { failed } from '../../support/file-system-calls.ts';

const NONE = { owners: 0, modes: 0, times: 0, hardLinks: 0, symlinks: 0 };

test.each([
  ['EPERM', true],
  ['EINVAL', true],
  ['EDQUOT', true],
  ['EOPNOTSUPP', true],
  ['ENOSPC', false],
  ['EIO', false],
  ['ENOENT', false],
])('the code %s means that an attribute was refused: %s', (code, refused) => {
  expect(isRefusal(failed(code, '/x'))).toBe(refused);
});

describe('RefusedAttributes', () => {
  const failWith = (code: string) => () => {
    throw failed(code, '/x');
  };

  test('counts a refused attribute and returns false', () => {
    const refused = new RefusedAttributes();
    expect(refused.attempt('owners', () => {})).toBe(true);
    expect(refused.counts).toEqual(NONE);
    expect(refused.attempt('owners', failWith('EPERM'))).toBe(false);
    expect(refused.attempt('symlinks', failWith('ENOSYS'))).toBe(false);
    expect(refused.counts).toEqual({ ...NONE, owners: 1, symlinks: 1 });
  });

  test('throws an error that is not a refusal, and counts nothing', () => {
    const refused = new RefusedAttributes();
    expect(() => refused.attempt('modes', failWith('EIO'))).toThrow('EIO');
    expect(refused.counts).toEqual(NONE);
  });

  test.each([
    ['after 2038 that the file system has replaced by its latest time', 1, 2 ** 32 * 1e6, 2 ** 31 * 1000],
    ['after 2038 that FAT has rounded to even seconds', 0, 2 ** 32 * 1e6 + 1e6, 2 ** 32 * 1000 + 2000],
    ['after 2038 that was set', 0, 2 ** 32 * 1e6, 2 ** 32 * 1000],
    ['before 2038, which is not read back', 0, 1e15, 0],
  ])('of a time %s, counts %i', (_, times, mtimeUs, readMs) => {
    const refused = new RefusedAttributes();
    const set: number[] = [];
    refused.attemptTime(
      { mtimeUs, mtimeRestNs: 0 },
      (_, seconds) => set.push(seconds),
      () => readMs,
    );
    expect(set[0]).toBeCloseTo(mtimeUs / 1e6, 5);
    expect(refused.counts).toEqual({ ...NONE, times });
  });

  test('does not read back a time that was refused', () => {
    const refused = new RefusedAttributes();
    refused.attemptTime({ mtimeUs: 2 ** 32 * 1e6, mtimeRestNs: 0 }, failWith('EPERM'), () =>
      expect.unreachable(),
    );
    expect(refused.counts.times).toBe(1);
  });

  test('adds the counts of another thread', () => {
    const refused = new RefusedAttributes();
    const counts = { owners: 1, modes: 2, times: 3, hardLinks: 4, symlinks: 5 };
    refused.add(counts);
    refused.add(counts);
    expect(refused.counts).toEqual({ owners: 2, modes: 4, times: 6, hardLinks: 8, symlinks: 10 });
  });
});
