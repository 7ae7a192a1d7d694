import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { posix, requires } from './platform-needs.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Commands of package.json that take no arguments, or pass them to a program that has its own `--help`. */
const WITHOUT_ARGUMENTS =
  /^(?:setup|check:dist|lint|format|types|test:unit|test:local|bench:plot|bench:role)$/;

const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const commands = Object.entries<string>(scripts)
  .filter(([name]) => !WITHOUT_ARGUMENTS.test(name))
  .map(([name, line]) => [name, line.split('on24.mjs ')[1]!.split(' ')] as const);

interface Ended {
  readonly exitCode: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(words: readonly string[]): Promise<Ended> {
  return new Promise(resolve => {
    execFile(process.execPath, words, { cwd: root }, (error, stdout, stderr) =>
      resolve({ exitCode: error?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('the command line of a program of package.json', requires(posix), () => {
  test.each(commands)('npm run %s -- --help prints the usage and ends with 0', async (name, words) => {
    const { exitCode, stdout, stderr } = await run([...words, '--help']);
    expect(stdout).toMatch(/^npm /);
    expect(stdout).toContain(name);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test.each([
    ['an unknown option', ['--bogus'], "Unknown option '--bogus'"],
    ['a number that is none', ['--count', 'x'], "--count is 'x', but it must be a whole number."],
  ])('ends with 1, a message and the usage after %s', async (_what, args, message) => {
    const { exitCode, stderr } = await run(['test/cache/prune/histories.ts', ...args]);
    expect(stderr.startsWith(message), stderr).toBe(true);
    expect(stderr).toContain('\nnpm run prune-histories -- [OPTIONS]\n');
    expect(stderr).not.toContain('    at ');
    expect(exitCode).toBe(1);
  });

  test('ends with 1 and a message after a pattern that is no regular expression', async () => {
    const { exitCode, stderr } = await run(['test/faults/run.ts', '--only', '[']);
    expect(stderr).toMatch(/^Invalid regular expression/);
    expect(exitCode).toBe(1);
  });
});
