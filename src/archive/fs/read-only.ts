import { chmodSync } from 'node:fs';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';
import type { RefusedAttributes } from './refused-attributes.ts';

/** The read-only attribute of files on Windows: Node shows it as a mode without the right to write. */

const OWNER_WRITES = 0o200;
const READABLE = 0o444;

/** Returns the mode to create a file with: on Windows a writable one, until `makeReadOnly`. */
export function creationMode(mode: number): number {
  return thisPlatform.hasModes ? mode : mode | OWNER_WRITES;
}

/**
 * Makes a file read-only on Windows if its mode has no right to write. Call it after the times are set, which a read-only file
 * may refuse. Counts a refusal in `refused`. Throws the system's other errors.
 */
export function makeReadOnly(path: string, mode: number, refused: RefusedAttributes): void {
  if (thisPlatform.hasModes || (mode & OWNER_WRITES) !== 0) return;
  refused.attempt('modes', () => chmodSync(fsPath(path), READABLE));
}

/** Returns whether two modes are equal as far as this system keeps them. Directories of Windows are never read-only. */
export function isSameMode(a: number, b: number, isDirectory: boolean): boolean {
  if (thisPlatform.hasModes) return a === b;
  return isDirectory || (a & OWNER_WRITES) === (b & OWNER_WRITES);
}
