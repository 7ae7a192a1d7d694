import type { Writable } from 'node:stream';
import yoctoSpinner from 'yocto-spinner';
import { escapeLine } from '../../action/runner/escape.ts';

/** The progress of a command, in the last line of a terminal. */
export interface ProgressLine {
  update(text: string): void;
  /** Removes the line. */
  end(): void;
}

/** Shortest time between two updates, in ms. */
const UPDATE_MS = 100;

/** Shows progress on a terminal. Shows nothing on other streams and in CI, where each update would be a line. */
export function createProgressLine(
  stream: Writable & { readonly isTTY?: boolean },
  text: string,
): ProgressLine {
  if (!stream.isTTY || process.env.CI !== undefined || process.env.TERM === 'dumb') {
    return { update() {}, end() {} };
  }
  // The command handles the signals
  const spinner = yoctoSpinner({ text: escapeLine(text), stream, handleSignals: false }).start();
  let updatedMs = performance.now();
  return {
    update(next) {
      const now = performance.now();
      if (now - updatedMs < UPDATE_MS) return;
      updatedMs = now;
      spinner.text = escapeLine(next);
    },
    end() {
      spinner.stop();
    },
  };
}
