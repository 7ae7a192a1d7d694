import { EOL } from 'node:os';
import type { Log } from '../report/log.ts';
import { escapeLine } from './escape.ts';
import type { Environment } from './read-input.ts';
import { appendSummary, command, saveState, setOutput } from './toolkit.ts';

/** Everything a step says to the runner and hears from it. */
export interface Runner {
  readonly env: Environment;
  readonly log: Log;
  setOutput(name: string, value: string): void;
  saveState(name: string, value: string): void;
  /** Appends a table to the job summary; does nothing where there is none. */
  addSummary(title: string, rows: readonly (readonly string[])[]): Promise<void>;
  /** Ends the step as failed, with one sentence. */
  fail(message: string): void;
}

/** The runner that started this process: commands on stdout and the files it names in the environment. */
export function createRunner(env: NodeJS.ProcessEnv): Runner {
  return {
    env,
    log: createRunnerLog(env),
    setOutput,
    saveState,
    addSummary: appendSummary,
    fail(message) {
      process.exitCode = 1;
      command('error', escapeLine(message));
    },
  };
}

/** The voice of `report/log.ts`: every text is escaped here, and nowhere else. */
export function createRunnerLog(env: Environment): Log {
  const debugging = env.RUNNER_DEBUG === '1';
  return {
    debug(message) {
      if (debugging) command('debug', escapeLine(message));
    },
    info(message) {
      process.stdout.write(escapeLine(message) + EOL);
    },
    notice(message) {
      command('notice', escapeLine(message));
    },
    warning(message) {
      command('warning', escapeLine(message));
    },
  };
}
