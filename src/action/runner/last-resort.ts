import type { Log } from '../../report/log.ts';
import { endProcess, endWhenWritten } from './end-process.ts';

/**
 * Ends the process with a warning in three cases that would fail the job, and that only a bug or a broken runner causes: an error
 * that no code catches, a rejection that no code awaits, and a wait for something that can never happen (status 13 of Node.js).
 */
export function installLastResort(log: Log): void {
  let isEnding = false;
  const warnAndEnd = (error: unknown) => {
    // The warning itself may have caused the error, such as EPIPE of a closed pipe
    if (isEnding) endProcess({ waits: false });
    isEnding = true;
    void endEarly(log, error);
  };
  process.on('uncaughtException', warnAndEnd);
  process.on('unhandledRejection', warnAndEnd);
  process.on('beforeExit', () => warnAndEnd(new Error('an operation did not finish')));
}

/** Ends the process because of an error that no layer has expected, with a warning. Threads may be at work. */
export async function endEarly(log: Log, error: unknown): Promise<void> {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  log.warning(
    `The cache step ended early, and the job continues without it (${message}). Report this with the debug log.`,
  );
  log.debug(stack ?? '');
  await endWhenWritten({ waits: false });
}
