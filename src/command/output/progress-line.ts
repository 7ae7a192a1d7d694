import type { Writable } from 'node:stream';
import yoctoSpinner from 'yocto-spinner';
import { escapeLine } from '../../action/runner/escape.ts';

/** Shortest time between two updates, in ms. */
const UPDATE_MS = 100;

/**
 * Shows the progress of a command in the last line of a terminal, until `end` removes the line. Shows nothing on other streams and
 * in CI, where each update would be a line.
 */
export function createProgressLine(stream: Writable & { readonly isTTY?: boolean }, text: string) {
  if (!stream.isTTY || process.env.CI !== undefined || process.env.TERM === 'dumb') {
    return { update(_: string) {}, end() {} };
  }
  // The command handles the signals
  const spinner = yoctoSpinner({ text: escapeLine(text), stream, handleSignals: false }).start();
  let updatedMs = performance.now();
  return {
    update(next: string) {
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
