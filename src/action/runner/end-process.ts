import { existsSync } from 'node:fs';
import { ignoreErrors } from '../../archive/fs/ignore-errors.ts';
import { hasStuckThread } from '../../archive/pool/stuck-threads.ts';

/** The program that takes the place of this process. Node aborts if it does not exist. */
const SHELL = '/bin/sh';

/**
 * Ends the process at once. `process.exit` waits for the threads, of which one may hang in a call of the system, such as to
 * a dead mount. With `waits: false`, a shell takes the place of this process where that is possible, and ends with its status.
 */
export function endProcess({ waits = !hasStuckThread() } = {}): never {
  if (!waits && existsSync(SHELL)) {
    // Node warns that the function is experimental
    process.removeAllListeners('warning');
    ignoreErrors(() => process.execve?.(SHELL, ['sh', '-c', `exit ${Number(process.exitCode ?? 0)}`], {}));
  }
  process.exit();
}

/** Ends the process when its output is written: on some platforms pipes are asynchronous, and an exit would lose lines. */
export async function endWhenWritten(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>(resolve => stream.write('', () => resolve()));
  }
  endProcess();
}
