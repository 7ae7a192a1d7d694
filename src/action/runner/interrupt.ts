import { constants } from 'node:os';
import { endProcess } from './end-process.ts';

/** The runner gives a cancelled step 7.5 s until it sends SIGTERM (actions/runner 2.336). The documented limit is 5 s. */
const GRACE_MS = 4500;

type InterruptName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

interface Interrupt {
  readonly signal: AbortSignal;
  /** Does what the signal of that name does. */
  trigger(name: InterruptName): void;
}

/**
 * Makes SIGINT, SIGTERM and SIGHUP (the end of the terminal of a runner) abort `signal`, so that each operation in flight undoes
 * its own work. The process ends after 4.5 s in any case. The exit status is that of a shell: 128 and the signal's number.
 */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  const trigger = (name: InterruptName) => {
    if (controller.signal.aborted) return;
    process.exitCode = 128 + constants.signals[name];
    setTimeout(() => endProcess({ waits: false }), GRACE_MS).unref();
    controller.abort(new Error(`the step was cancelled (${name})`));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => trigger(name));
  // Windows: the runner sends Ctrl+Break after Ctrl+C (actions/runner 2.336), and Node.js would end at once
  process.on('SIGBREAK', () => trigger('SIGTERM'));
  return { signal: controller.signal, trigger };
}
