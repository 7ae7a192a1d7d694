import { existsSync } from 'node:fs';
import { ignoreErrors } from '../../archive/fs/ignore-errors.ts';
import { hasStuckThread } from '../../archive/pool/stuck-threads.ts';

/** The program that can replace this process. Node.js aborts if it does not exist. */
const SHELL = '/bin/sh';

interface EndOptions {
  /** Whether to wait for the threads. Default: unless one is counted as stuck. */
  readonly waits?: boolean | undefined;
}

/**
 * Ends the process at once. `process.exit` waits for the threads, and a thread may hang in a system call, such as one to a dead
 * mount. It also aborts the process if a thread has created a zlib context and not initialised it (threads.ts). With
 * `waits: false`, a shell replaces this process where that is possible, and ends with the same exit status.
 */
export function endProcess({ waits = !hasStuckThread() }: EndOptions = {}): never {
  if (!waits && existsSync(SHELL)) {
    // Node.js warns that the function is experimental
    process.removeAllListeners('warning');
    ignoreErrors(() => process.execve?.(SHELL, ['sh', '-c', `exit ${Number(process.exitCode ?? 0)}`], {}));
  }
  process.exit();
}

/** Ends the process when its output is written. On some platforms pipes are asynchronous, and an exit would lose lines. */
export async function endWhenWritten(options?: EndOptions): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>(resolve => stream.write('', () => resolve()));
  }
  endProcess(options);
}
