import { randomBytes } from 'node:crypto';

/**
 * Names of staging directories (archive/publish), which are never saved, and are removed when they are old. The pattern is exact,
 * because a user's `.cache-s3-store` must be saved and kept.
 */
const STAGING = /^\.cache-s3-\d*-[0-9a-f]{8}-[0-9a-f]{8}$/;
/** Names of the records of a job (src/records). A cache that contains RUNNER_TEMP would give them to other jobs. */
const RECORD = /^cache-s3-(?:tree|damaged|half|links)-[0-9a-f-]{36,64}(?:\.new)?$/;

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

/** Returns whether a file or directory of this name is of this action, and never saved. */
export function isNeverSaved(name: string): boolean {
  return isStagingName(name) || RECORD.test(name);
}
