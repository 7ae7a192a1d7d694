import { describe, expect, test } from 'vitest';
import { platformOf } from '../../../src/archive/fs/platform.ts';
import { type RenameSystem, renameWithRetries } from '../../../src/archive/fs/rename.ts';
import { makeWritable } from '../../../src/archive/fs/writable.ts';
import { failed } from '../publish/staged.ts';

/** A system on which the first renames fail with these codes. */
function system(name: NodeJS.Platform, codes: string[], directories: string[] = []) {
  const waits: number[] = [];
  const renames: string[] = [];
  const fake: RenameSystem = {
    renameInto(from, to) {
      const code = codes.shift();
      if (code) throw failed(code, from);
      renames.push(`${from} ${to}`);
    },
    refusesRename: path => directories.includes(path),
    wait: ms => void waits.push(ms),
    transientCodes: platformOf(name, false).transientCodes,
  };
  return { fake, waits, renames };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('on Windows, a file that somebody has open', () => {
  test.each(['EPERM', 'EACCES', 'EBUSY'])('a rename is retried after %s on Windows', code => {
    const { fake, waits, renames } = system('win32', [code, code, code]);
    renameWithRetries('a', 'b', fake);
    expect(renames).toEqual(['a b']);
    expect(waits).toHaveLength(3);
  });

  test('a rename is retried for at most three seconds', () => {
    const { fake, waits } = system('win32', new Array(50).fill('EPERM'));
    expect(() => renameWithRetries('a', 'b', fake)).toThrow('EPERM');
    expect(sum(waits)).toBe(3000);
  });

  test('a rename onto a directory or link is not retried', () => {
    const { fake, waits } = system('win32', ['EPERM'], ['b']);
    expect(() => renameWithRetries('a', 'b', fake)).toThrow('EPERM');
    expect(waits).toEqual([]);
  });

  test('a directory is not made writable on Windows', () => {
    let attempts = 0;
    const change = () => {
      attempts++;
      throw failed('EPERM', 'a');
    };
    expect(() => makeWritable('/', change, platformOf('win32', false))).toThrow('EPERM');
    expect(attempts).toBe(1);
  });
});

test.each<[NodeJS.Platform, string]>([
  ['win32', 'ENOENT'],
  ['linux', 'EPERM'],
  ['darwin', 'EBUSY'],
])('a rename on %s fails immediately with %s', (name, code) => {
  const { fake, waits } = system(name, [code]);
  expect(() => renameWithRetries('a', 'b', fake)).toThrow(code);
  expect(waits).toEqual([]);
});
