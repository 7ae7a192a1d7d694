import { randomBytes } from 'node:crypto';

/**
 * Names of staging directories (archive/publish), which are never saved, and are removed when they are old. The pattern is exact,
 * because a user's `.cache-s3-store` must be saved and kept.
 */
const STAGING = /^\.cache-s3-\d*-[0-9a-f]{8}-[0-9a-f]{8}$/;

/** Returns a new name. `runLabel` is `<run number>-<8 hex digits>`. Throws `TypeError` for another label. */
export function stagingName(runLabel: string): string {
  // The end is random, because several jobs of one run may share a directory from containers with equal process ids
  const name = `.cache-s3-${runLabel}-${randomBytes(4).toString('hex')}`;
  if (!isStagingName(name)) throw new TypeError(`'${runLabel}' is not a run label such as 42-00c0ffee`);
  return name;
}

/** Returns whether this is the name of a staging directory. */
export function isStagingName(name: string): boolean {
  return STAGING.test(name);
}
