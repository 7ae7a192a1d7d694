import { randomBytes } from 'node:crypto';

/**
 * Staging, the one thing that an archive puts into a tree besides what it restores (archive/publish): never part of a
 * cache, and removed when it is old. A user's own `.cache-s3-store` is neither, so the shape is told exactly.
 */
const STAGING = /^\.cache-s3-\d*-[0-9a-f]{8}-[0-9a-f]{8}$/;

/** A new name. `runLabel`: `<run number>-<8 hex digits>`. Throws `TypeError` for another label. */
export function stagingName(runLabel: string): string {
  // Random, because several jobs of one run may share a directory from containers with equal process ids
  const name = `.cache-s3-${runLabel}-${randomBytes(4).toString('hex')}`;
  if (!isStagingName(name)) throw new TypeError(`'${runLabel}' is no label of a run, such as 42-00c0ffee`);
  return name;
}

export function isStagingName(name: string): boolean {
  return STAGING.test(name);
}
