import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { escapeLine } from '../../action/runner/escape.ts';
import type { Log } from '../../report/log.ts';
import { createProgressLine, type ProgressLine } from './progress-line.ts';

/** The standard streams of a command. Foreign text is escaped here: control characters of a terminal, commands of a runner. */
export interface Output {
  /** Whether standard output gets one JSON document and nothing else. */
  readonly json: boolean;
  /** Whether standard output got any text. */
  readonly begun: boolean;
  /** Columns of the terminal; 100 if standard output is not a terminal. */
  readonly columns: number;
  /** Writes a line to standard output. Resolves when there is room for more. Throws `OutputError`. */
  line(text: string): Promise<void>;
  /** Writes text that is escaped already, such as a part of a JSON document. Throws `OutputError`. */
  raw(text: string): Promise<void>;
  /** Resolves when standard output has taken all text. Throws `OutputError`. */
  flush(): Promise<void>;
  /** Begins a line that shows the progress on a terminal. Shows nothing elsewhere. */
  progress(text: string): ProgressLine;
  /** Writes a line to standard error. */
  note(text: string): void;
}

/** Standard output takes no more text: the program that reads it has ended, or its disk is full. */
export class OutputError extends Error {
  override name = 'OutputError';
  /** Whether a pipe was closed, as `head` does when it has enough. */
  readonly pipeClosed: boolean;

  constructor({ code, message }: NodeJS.ErrnoException) {
    super(`standard output could not be written: ${message}`);
    // EOF: Windows
    this.pipeClosed = code === 'EPIPE' || code === 'EOF';
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

/** Creates the output of a subcommand. An error of `stdout` is thrown by the next call that writes to it. */
export function createOutput({ json, outlivesPipe = false, stdout, stderr }: OutputOptions): Output {
  let failure: OutputError | undefined;
  let begun = false;
  stdout.on('error', error => {
    failure ??= new OutputError(error);
  });
  const check = () => {
    if (failure && !(failure.pipeClosed && outlivesPipe)) throw failure;
  };
  const raw = async (text: string) => {
    check();
    begun = true;
    // The listener of `error` keeps the error
    if (!failure && !stdout.write(text)) await once(stdout, 'drain').catch(() => {});
  };
  return {
    json,
    get begun() {
      return begun;
    },
    columns: stdout.isTTY && stdout.columns ? stdout.columns : DEFAULT_COLUMNS,
    raw,
    async flush() {
      if (!failure) await new Promise<void>(resolve => stdout.write('', () => resolve()));
      check();
    },
    line: text => raw(`${escapeLine(text)}\n`),
    progress: text => createProgressLine(stderr, text),
    note(text) {
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
