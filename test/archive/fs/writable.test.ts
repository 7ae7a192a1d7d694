import { chmodSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grantWrite, makeWritable } from '../../../src/archive/fs/writable.ts';
import { failed } from '../../support/file-system-calls.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { platforms, usePlatform } from '../support/platform.ts';

const modeOf = (directory: string) => statSync(directory).mode & 0o7777;

/** A change that fails with these codes, one after the other, and then succeeds. */
function failing(...codes: string[]) {
  let calls = 0;
  const change = () => {
    const code = codes[calls++];
    if (code) throw failed(code, 'a');
    return calls;
  };
  return change;
}

describe('a change in a directory of mode 0555', requires(posix), () => {
  const sealed = () => {
    const directory = scratch();
    chmodSync(directory, 0o555);
    return directory;
  };

  test.each(['EACCES', 'EPERM'])('is repeated with the write bit of the owner after %s', code => {
    const directory = sealed();
    expect(makeWritable(directory, failing(code, code))).toBe(3);
    expect(modeOf(directory)).toBe(0o755);
  });

  test('keeps the mode if it succeeds at once', () => {
    const directory = sealed();
    expect(makeWritable(directory, failing())).toBe(1);
    expect(modeOf(directory)).toBe(0o555);
  });

  test('fails at once with any other error', () => {
    const directory = sealed();
    expect(() => makeWritable(directory, failing('ENOSPC'))).toThrow('ENOSPC');
    expect(modeOf(directory)).toBe(0o555);
  });

  test('fails after a hundred attempts if another job takes the right away each time', () => {
    expect(() => makeWritable(sealed(), failing(...new Array(101).fill('EACCES')))).toThrow('EACCES');
  });
});

test('a change in a directory that does not exist fails with its own error', () => {
  expect(grantWrite('/no/such/directory')).toBe(false);
  expect(() => makeWritable('/no/such/directory', failing('EACCES', 'EACCES'))).toThrow('EACCES');
});

test('on Windows, where directories have no modes, a change is not repeated', () => {
  usePlatform(platforms.win32);
  const change = failing('EPERM');
  expect(() => makeWritable(scratch(), change)).toThrow('EPERM');
});
