import { lstatSync, renameSync } from 'node:fs';
import { fsPath } from './names.ts';
import { thisPlatform } from './platform.ts';
import { makeWritable } from './writable.ts';

/** Between the attempts to do what somebody is in the way of for a moment: three seconds in all. */
const WAITS_MS = [10, 20, 40, 80, 150, 300, 600, 900, 900];

/** What a rename asks of the system. */
export interface RenameSystem {
  renameInto(from: string, to: string): void;
  /** Whether something stands there that no rename replaces, however long it waits. */
  refusesRename(path: string): boolean;
  /** Blocks this thread. */
  wait(ms: number): void;
  /** Codes of errors that may be gone a moment later. */
  readonly transientCodes: ReadonlySet<string>;
}

const thisSystem: RenameSystem = {
  renameInto: (from, to) => renameSync(fsPath(from), fsPath(to)),
  refusesRename: path => {
    const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
    return stats !== undefined && (stats.isDirectory() || stats.isSymbolicLink());
  },
  // A commit is synchronous: nothing else of ours should run in the middle of it
  wait: ms => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  transientCodes: thisPlatform.transientCodes,
};

/**
 * The rename of a commit: gives itself the right to write in `directory`, where `to` or `from` is, and on Windows waits
 * for whoever has the file open, such as a virus scanner.
 * Throws the system's error.
 */
export function rename(directory: string, from: string, to: string): void {
  makeWritable(directory, () => renameWithRetries(from, to));
}

/** Tries again for three seconds what fails with a code that is transient. Throws the system's last error. */
export function renameWithRetries(from: string, to: string, system: RenameSystem = thisSystem): void {
  for (const ms of WAITS_MS) {
    try {
      system.renameInto(from, to);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // Windows refuses to replace a directory, or a link to one, with the same code as what somebody has open
      if (!system.transientCodes.has(code) || system.refusesRename(to)) throw error;
      system.wait(ms);
    }
  }
  system.renameInto(from, to);
}
