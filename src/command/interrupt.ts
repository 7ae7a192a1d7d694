import { constants } from 'node:os';
import { endProcess } from '../action/runner/end-process.ts';

/** Time in ms after an interrupt at which the process ends, whether or not the work has ended. */
const GRACE_MS = 5000;

/**
 * Returns a signal that SIGINT (Ctrl+C), SIGTERM, SIGHUP and, on Windows, SIGBREAK (Ctrl+Break) abort, so that the work in
 * flight can end. The process ends at once after a second interrupt, or 5 s after the first one. Its exit status is 128 and the
 * number of the first one's signal, as in a shell: 130 for Ctrl+C and Ctrl+Break.
 */
export function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => {
    process.exitCode = 128 + constants.signals[name];
    if (controller.signal.aborted) endProcess({ waits: false });
    setTimeout(() => endProcess({ waits: false }), GRACE_MS).unref();
    controller.abort(new Error('the command was interrupted'));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt(name));
  process.on('SIGBREAK', () => interrupt('SIGINT'));
  return controller.signal;
}
