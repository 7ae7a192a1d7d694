import { closeSync, fchownSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ignoreErrors } from '../archive/fs/ignore-errors.ts';

/**
 * Writes a file for later steps of the same job into RUNNER_TEMP: whole or not at all, for nobody else to read. As root
 * (`sudo: true`, containers) it is given to the owner of the directory, who has to remove it. Throws the system's errors.
 */
export function writeJobFile(file: string, content: Uint8Array | string): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  // Exclusive: not through a link that another process has put there
  const fd = openSync(fresh, 'wx', 0o600);
  try {
    writeFileSync(fd, content);
    const { uid, gid } = statSync(dirname(file));
    if (process.geteuid?.() === 0) ignoreErrors(() => fchownSync(fd, uid, gid));
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, file);
}
