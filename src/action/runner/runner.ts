/** This folder is the connection to the runner: its commands and files, cancellation, and the child process as root. */

import { statSync } from 'node:fs';
import * as core from '@actions/core';
import type { Log } from '../../report/log.ts';
import type { Environment } from '../inputs/read-input.ts';
import { escapeControls, escapeHtml, escapeLine } from './escape.ts';

/** The interface of the runner to a step: the environment, the log, outputs, state and the job summary. */
export type Runner = ReturnType<typeof createRunner>;

/** Connects to the runner that has started this process: by commands on stdout, and by the files that the environment names. */
export function createRunner(env: Environment) {
  const log = createRunnerLog(env);
  const reported = new Set<string>();
  // The user of a container may have no right to write the runner's files. The cache is restored anyway
  const writeOrWarn = (file: string | undefined, write: () => void, warning: (cause: string) => string) => {
    try {
      refuseFifo(file);
      write();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const text = warning(code ?? message);
      if (!reported.has(text)) log.warning(text);
      reported.add(text);
    }
  };
  return {
    env,
    log,
    /** Sets an output, as one line. Warns once if the runner's file for outputs cannot be written. */
    setOutput(name: string, value: string): void {
      writeOrWarn(
        env.GITHUB_OUTPUT,
        () => core.setOutput(name, escapeControls(value)),
        cause =>
          `GITHUB_OUTPUT cannot be written (${cause}), so this step sets no outputs: make it a file that the step's user can write.`,
      );
    },
    /** Saves text for the post phase. Warns once if the runner's file for it cannot be written. */
    saveState(name: string, value: string): void {
      writeOrWarn(
        env.GITHUB_STATE,
        () => core.saveState(name, value),
        cause =>
          `GITHUB_STATE cannot be written (${cause}), so the post step will not save the cache: use restore/ and save/ instead.`,
      );
    },
    /** Appends a table of plain text to the job summary, if there is one. Warns if its file cannot be written. */
    async addSummary(title: string, rows: readonly (readonly string[])[]): Promise<void> {
      if (!env.GITHUB_STEP_SUMMARY) return;
      try {
        refuseFifo(env.GITHUB_STEP_SUMMARY);
        const cells = rows.map(row => row.map(cell => escapeHtml(cell)));
        await core.summary.addHeading(title, 3).addTable(cells).write();
      } catch (error) {
        log.warning(
          `The job summary could not be written (${(error as Error).message}); the cache is not affected.`,
        );
      }
    },
    /** Fails the step with one sentence. */
    fail(message: string): void {
      core.setFailed(escapeLine(message));
    },
  };
}

/** Throws for a FIFO, which a program of the job may have put there: opening it would block this process for ever. */
function refuseFifo(file: string | undefined): void {
  if (file && statSync(file, { throwIfNoEntry: false })?.isFIFO())
    throw new Error('a FIFO is in place of the file');
}

/** Creates the log of the runner. Every text is escaped here, and nowhere else. */
export function createRunnerLog(env: Environment): Log {
  const isDebug = env.RUNNER_DEBUG === '1';
  let isInGroup = false;
  const endGroup = () => {
    if (isInGroup) core.endGroup();
    isInGroup = false;
  };
  return {
    debug(message) {
      // Without debug logging, the runner drops these lines. A stack has several lines
      if (isDebug) for (const line of message.split('\n')) core.debug(escapeLine(line));
    },
    info(message) {
      core.info(escapeLine(message));
    },
    notice(message) {
      endGroup();
      core.notice(escapeLine(message));
    },
    warning(message) {
      endGroup();
      core.warning(escapeLine(message));
    },
    startGroup(title) {
      if (!isInGroup) core.startGroup(escapeLine(title));
      isInGroup = true;
    },
    endGroup,
  };
}
