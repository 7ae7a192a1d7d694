import { constants } from 'node:os';
import { endProcess } from './end-process.ts';

type InterruptName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The programs that can be interrupted. `ctrlBreak` is the signal that Ctrl+Break counts as on Windows. */
const PROGRAMS = {
  /** The runner gives a cancelled step 7.5 s until SIGTERM or Ctrl+Break (actions/runner 2.336). The documented limit is 5 s. */
  step: { reason: 'the step was cancelled', graceMs: 4500, endsAtSecond: false, ctrlBreak: 'SIGTERM' },
  command: { reason: 'the command was interrupted', graceMs: 5000, endsAtSecond: true, ctrlBreak: 'SIGINT' },
} as const;

/**
 * Makes SIGINT (Ctrl+C), SIGTERM, SIGHUP (the terminal has ended) and Ctrl+Break abort the returned signal, so that each
 * operation in flight undoes its own work. The process ends after `graceMs` in any case, and at a second signal if `endsAtSecond`
 * is set. The exit status is a shell's: 128 and the signal's number.
 */
export function listenForInterrupt(program: keyof typeof PROGRAMS) {
  const { reason, graceMs, endsAtSecond, ctrlBreak } = PROGRAMS[program];
  const controller = new AbortController();
  /** Interrupts the program as the signal with that name does. */
  const trigger = (name: InterruptName) => {
    const isSecond = controller.signal.aborted;
    if (isSecond && !endsAtSecond) return;
    process.exitCode = 128 + constants.signals[name];
    if (isSecond) endProcess({ waits: false });
    setTimeout(() => endProcess({ waits: false }), graceMs).unref();
    controller.abort(new Error(`${reason} (${name})`));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => trigger(name));
  // Without a listener Node.js ends at once
  process.on('SIGBREAK', () => trigger(ctrlBreak));
  return { signal: controller.signal, trigger };
}
