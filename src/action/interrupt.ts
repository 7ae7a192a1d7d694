import { constants } from 'node:os';

/** What the runner leaves a cancelled step before it sends SIGTERM is 7.5 s (actions/runner 2.336); we promise 5. */
const GRACE_MS = 4500;

/**
 * SIGINT and SIGTERM abort the returned signal, so that work in flight is undone by whoever does it. If that takes too
 * long the process ends all the same. The exit status is the shell's: 128 and the signal's number.
 */
export function interruptSignal(target: NodeJS.Process = process): AbortSignal {
  const controller = new AbortController();
  const interrupt = (name: 'SIGINT' | 'SIGTERM') => () => {
    if (controller.signal.aborted) return;
    target.exitCode = 128 + constants.signals[name];
    setTimeout(() => target.exit(), GRACE_MS).unref();
    controller.abort(new Error(`the step was cancelled (${name})`));
  };
  target.on('SIGINT', interrupt('SIGINT'));
  target.on('SIGTERM', interrupt('SIGTERM'));
  return controller.signal;
}
