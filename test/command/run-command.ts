import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { collectOutput, type ProcessOutput } from '../support/collect-output.ts';

const program = fileURLToPath(new URL('../../src/command/main.ts', import.meta.url));

type Variables = Readonly<Record<string, string>>;

/** Starts the command from its sources, with no settings of this process. */
export function startCommand(
  args: readonly string[],
  variables: Variables = {},
  stdout: 'pipe' | number = 'pipe',
): ChildProcess {
  const { PATH = '', TMPDIR = '', SystemRoot = '' } = process.env;
  return spawn(process.execPath, [program, ...args], {
    env: { PATH, TMPDIR, SystemRoot, HOME: '/nonexistent', ...variables },
    stdio: ['ignore', stdout, 'pipe'],
  });
}

export function runCommand(args: readonly string[], variables?: Variables): Promise<ProcessOutput> {
  return collectOutput(startCommand(args, variables));
}
