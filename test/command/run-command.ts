import { type ChildProcess, spawn } from 'node:child_process';
import { builtFile } from '../support/built-sources/built-file.ts';
import { collectOutput, type ProcessOutput } from '../support/collect-output.ts';

type Variables = Readonly<Record<string, string>>;

/** Starts the command from the build of its sources, with no settings of this process. */
export function startCommand(
  args: readonly string[],
  variables: Variables = {},
  stdout: 'pipe' | number = 'pipe',
): ChildProcess {
  const { PATH = '', TMPDIR = '', SystemRoot = '' } = process.env;
  return spawn(process.execPath, [builtFile('cache-s3.js'), ...args], {
    env: { PATH, TMPDIR, SystemRoot, HOME: '/nonexistent', ...variables },
    stdio: ['ignore', stdout, 'pipe'],
  });
}

export function runCommand(args: readonly string[], variables?: Variables): Promise<ProcessOutput> {
  return collectOutput(startCommand(args, variables));
}
