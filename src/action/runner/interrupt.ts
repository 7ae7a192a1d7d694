import { constants } from 'node:os';

/** What the runner leaves a cancelled step before it sends SIGTERM is 7.5 s (actions/runner 2.336); we promise 5. */
const GRACE_MS = 4500;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Does what the signal of that name does. */
  trigger(name: 'SIGINT' | 'SIGTERM'): void;
}

/**
 * SIGINT and SIGTERM abort `signal`, so that work in flight is undone by whoever does it. If that takes too long the
 * process ends all the same. The exit status is the shell's: 128 and the signal's number.
 */
export function listenForInterrupt(target: NodeJS.Process = process): Interrupt {
  const controller = new AbortController();
  const trigger = (name: 'SIGINT' | 'SIGTERM') => {
    if (controller.signal.aborted) return;
    target.exitCode = 128 + constants.signals[name];
    setTimeout(() => target.exit(), GRACE_MS).unref();
    controller.abort(new Error(`the step was cancelled (${name})`));
  };
  target.on('SIGINT', () => trigger('SIGINT'));
  target.on('SIGTERM', () => trigger('SIGTERM'));
  return { signal: controller.signal, trigger };
}
