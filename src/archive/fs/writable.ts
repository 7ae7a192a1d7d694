import { chmodSync, statSync } from 'node:fs';
import { fsPath } from './names.ts';
import { type Platform, thisPlatform } from './platform.ts';

/** How often a job that finishes may take the write bit away again while we work in the same directory. */
const ATTEMPTS = 100;

/**
 * Does `change` in a directory, giving its owner the right to write where it is missing. Another restore of the same
 * cache may be setting the directory's archived mode (0555) at any moment, so the right may be lost again: repeated.
 * Whoever calls this sets the final mode afterwards.
 */
export function makeWritable<T>(directory: string, change: () => T, platform: Platform = thisPlatform): T {
  // A mode says nothing on Windows, and the same codes mean that somebody has the file open
  if (!platform.hasModes) return change();
  for (let attempt = 1; ; attempt++) {
    try {
      return change();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if ((code !== 'EACCES' && code !== 'EPERM') || attempt === ATTEMPTS || !grantWrite(directory))
        throw error;
    }
  }
}

/** false: it is not ours to change. */
export function grantWrite(directory: string): boolean {
  try {
    const { mode } = statSync(fsPath(directory));
    chmodSync(fsPath(directory), (mode & 0o7777) | 0o700);
    return true;
  } catch {
    return false;
  }
}
