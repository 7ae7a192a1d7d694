import type { ProcessExit } from '../model.ts';
import { type Commands, createCommandFiles } from './command-files.ts';
import { type ProcessOptions, runProcess } from './process.ts';

interface StepProcess {
  readonly exit: ProcessExit;
  /** Read also after a cancel, as the runner does. */
  readonly written: Commands;
}

/** Runs a step’s process with the runner’s files, which are made in `temp` unless `env` names others, and reads them. */
export async function runStepProcess(
  command: string,
  args: readonly string[],
  { temp, ...options }: ProcessOptions & { readonly temp: string },
): Promise<StepProcess> {
  const { env, uid, gid } = options;
  const files = await createCommandFiles(temp, { uid, gid });
  const exit = await runProcess(command, args, { ...options, env: { ...files.env, ...env } });
  return { exit, written: await files.read() };
}
