import type { Command } from 'commander';
import type { Environment } from '../action/inputs/read-input.ts';
import { CommandError } from './command-error.ts';
import type { Invocation } from './invocation.ts';
import { writeJsonError } from './output/json.ts';
import { createCommandLog, createOutput, type Output } from './output/output.ts';
import { openSettings, settingsEnvironment } from './settings.ts';

/** Options that all subcommands have. */
interface GlobalOptions extends Readonly<Record<string, unknown>> {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export interface RunOptions {
  /** Whether the subcommand completes its work when the program that reads its output has ended. Default: false. */
  readonly outlivesPipe?: boolean;
}

/** A function that commander calls with the arguments of a subcommand, its own options, and its `Command`. */
type Action = (...given: unknown[]) => Promise<void>;

/** Returns the action of a subcommand that uses a store. It opens the store that the settings name, and closes it at the end. */
export function runWithStore<T, Args extends readonly unknown[]>(
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
  subcommand: (invocation: Invocation, options: T, ...args: Args) => Promise<void>,
  { outlivesPipe = false }: RunOptions = {},
): Action {
  return withOutput(env, outlivesPipe, async (output, settings, options, args) => {
    const log = createCommandLog(output, options.verbose === true);
    const opened = await openSettings(settings, log);
    try {
      const invocation = { ...opened, log, output, signal };
      await subcommand(invocation, options as T, ...(args as unknown as Args));
    } finally {
      opened.store.close();
    }
  });
}

/** Returns the action of a subcommand that makes no request. */
export function runWithoutStore<T>(
  env: Environment,
  subcommand: (env: Environment, output: Output, options: T) => Promise<void>,
): Action {
  return withOutput(env, false, (output, settings, options) => subcommand(settings, output, options as T));
}

/** Returns an action that does the work and flushes its output. With `--json` it writes an error before it throws it. */
function withOutput(
  env: Environment,
  outlivesPipe: boolean,
  work: (
    output: Output,
    settings: Environment,
    options: GlobalOptions,
    args: readonly unknown[],
  ) => Promise<void>,
): Action {
  return async (...given) => {
    const options: GlobalOptions = (given.at(-1) as Command).optsWithGlobals();
    const { stdout, stderr } = process;
    const output = createOutput({ json: options.json ?? false, outlivesPipe, stdout, stderr });
    try {
      const { node } = process.versions;
      if (Number.parseInt(node, 10) < 24)
        throw new CommandError(`Node.js 24 or later is needed, not ${node}.`);
      await work(output, settingsEnvironment(env, options), options, given.slice(0, -2));
      await output.flush();
    } catch (error) {
      if (output.json) await writeJsonError(output, error);
      throw error;
    }
  };
}
