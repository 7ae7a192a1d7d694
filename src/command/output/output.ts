import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { escapeLine } from '../../action/runner/escape.ts';
import type { Log } from '../../report/log.ts';
import { createProgressLine, type ProgressLine } from './progress-line.ts';

/** The standard streams of a command. Foreign text is escaped here: control characters of a terminal, commands of a runner. */
export interface Output {
  /** Whether standard output gets one JSON document and nothing else. */
  readonly json: boolean;
  /** Columns of the terminal; 100 if standard output is none. */
  readonly columns: number;
  /** Writes a line to standard output. Resolves when there is room for more. */
  line(text: string): Promise<void>;
  /** Writes text that is escaped already, such as a part of a JSON document. */
  raw(text: string): Promise<void>;
  /** Begins a line on a terminal that shows the progress. Elsewhere it shows nothing. */
  progress(text: string): ProgressLine;
  /** Writes a line to standard error. */
  note(text: string): void;
}

interface OutputOptions {
  readonly json: boolean;
  readonly stdout: Writable & { readonly columns?: number; readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

const DEFAULT_COLUMNS = 100;

export function createOutput({ json, stdout, stderr }: OutputOptions): Output {
  const raw = async (text: string) => {
    if (!stdout.write(text)) await once(stdout, 'drain');
  };
  return {
    json,
    columns: stdout.isTTY && stdout.columns ? stdout.columns : DEFAULT_COLUMNS,
    raw,
    line: text => raw(`${escapeLine(text)}\n`),
    progress: text => createProgressLine(stderr, text),
    note(text) {
      stderr.write(`${escapeLine(text)}\n`);
    },
  };
}

/** Creates a log on standard error: warnings, and with `verbose` the requests. */
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
