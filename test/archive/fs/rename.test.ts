import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { rename } from '../../../src/archive/fs/rename.ts';
import { failed, instead } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';
import { platforms, usePlatform } from '../support/platform.ts';

/** Renames `a` to `b` on a system where the first renames fail with these codes. No wait takes time. */
function renaming(system: keyof typeof platforms, codes: string[]) {
  const directory = scratch();
  const [from, to] = [join(directory, 'a'), join(directory, 'b')];
  writeFileSync(from, 'content');
  usePlatform(platforms[system]);
  const waits: number[] = [];
  const wait = vi.spyOn(Atomics, 'wait').mockImplementation((...args: unknown[]) => {
    waits.push(args[3] as number);
    return 'timed-out';
  });
  onTestFinished(() => wait.mockRestore());
  instead('renameSync', renameSync => (...paths) => {
    const code = codes.shift();
    if (code) throw failed(code, from);
    renameSync(...paths);
  });
  return { run: () => rename(directory, from, to), to, waits };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('on Windows, where another process has a file open', () => {
  test.each(['EPERM', 'EACCES', 'EBUSY'])('a rename is retried after %s', code => {
    const { run, to, waits } = renaming('win32', [code, code, code]);
    run();
    expect(existsSync(to)).toBe(true);
    expect(waits).toHaveLength(3);
  });

  test('a rename is retried for at most three seconds', () => {
    const { run, waits } = renaming('win32', new Array(50).fill('EPERM'));
    expect(run).toThrow('EPERM');
    expect(sum(waits)).toBe(3000);
  });

  test.each<[string, (to: string) => void]>([
    ['a directory', to => mkdirSync(to)],
    ['a link', to => symlinkSync('nowhere', to)],
  ])('a rename onto %s is not retried', (_, make) => {
    const { run, to, waits } = renaming('win32', ['EPERM']);
    make(to);
    expect(run).toThrow('EPERM');
    expect(waits).toEqual([]);
  });
});

test.each<[keyof typeof platforms, string]>([
  ['win32', 'ENOENT'],
  ['linux', 'EBUSY'],
  ['darwin', 'EBUSY'],
])('a rename on %s fails immediately with %s', (system, code) => {
  const { run, waits } = renaming(system, [code]);
  expect(run).toThrow(code);
  expect(waits).toEqual([]);
});
