import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { escapeLine } from '../../action/runner/escape.ts';
import type { Log } from '../../report/log.ts';
import { createProgressLine } from './progress-line.ts';

/** Error of standard output that accepts no more text: the program that reads it has ended, or its disk is full. */
export class OutputError extends Error {
  override name = 'OutputError';
  /** Whether a pipe was closed, as `head` does when it has enough. */
  readonly wasPipeClosed: boolean;

  constructor({ code, message }: NodeJS.ErrnoException) {
    super(`standard output could not be written: ${message}`);
    // Windows has the code EOF
    this.wasPipeClosed = code === 'EPIPE' || code === 'EOF';
  }
}

interface OutputOptions {
  readonly json: boolean;
  /** Whether text is dropped after the pipe of standard output was closed. Default: writing it throws `OutputError`. */
  readonly outlivesPipe?: boolean;
  readonly stdout: Writable & { readonly columns?: number; readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

const DEFAULT_COLUMNS = 100;

/** The standard streams of a command. */
export type Output = ReturnType<typeof createOutput>;

/**
 * Creates the output of a subcommand. Foreign text is escaped here: control characters of a terminal, commands of a runner. An
 * error of `stdout` is thrown by the next call that writes to it.
 */
export function createOutput({ json, outlivesPipe = false, stdout, stderr }: OutputOptions) {
  let failure: OutputError | undefined;
  let begun = false;
  stdout.on('error', error => {
    failure ??= new OutputError(error);
  });
  const check = () => {
    if (failure && !(failure.wasPipeClosed && outlivesPipe)) throw failure;
  };
  /** Writes text that is escaped already, such as a part of a JSON document. Throws `OutputError`. */
  const raw = async (text: string) => {
    check();
    begun = true;
    // The listener of `error` keeps the error
    if (!failure && !stdout.write(text)) await once(stdout, 'drain').catch(() => {});
  };
  return {
    /** Whether standard output gets one JSON document and nothing else. */
    json,
    /** Whether standard output got any text. */
    get begun() {
      return begun;
    },
    /** Columns of the terminal; 100 if standard output is not a terminal. */
    columns: stdout.isTTY && stdout.columns ? stdout.columns : DEFAULT_COLUMNS,
    raw,
    /** Resolves when standard output has accepted all text. Throws `OutputError`. */
    async flush() {
      if (!failure) await new Promise<void>(resolve => stdout.write('', () => resolve()));
      check();
    },
    /** Writes lines to standard output. Resolves when there is room for more. Throws `OutputError`. */
    lines: (...texts: readonly string[]) => raw(texts.map(text => `${escapeLine(text)}\n`).join('')),
    /** Begins a line that shows the progress on a terminal. Shows nothing elsewhere. */
    progress: (text: string) => createProgressLine(stderr, text),
    /** Writes a line to standard error. */
    note(text: string) {
      stderr.write(`${escapeLine(text)}\n`);
    },
  };
}

/** Creates a log on standard error. It has debug lines, one for each request, only with `verbose`. */
export function createCommandLog(output: Pick<Output, 'note'>, verbose: boolean): Log {
  return {
    debug(message) {
      if (verbose) for (const line of message.split('\n')) output.note(line);
    },
    info: text => output.note(text),
    notice: text => output.note(text),
    warning: text => output.note(`Warning: ${text}`),
    startGroup() {},
    endGroup() {},
  };
}
