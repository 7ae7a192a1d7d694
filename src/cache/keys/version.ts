import { createHash } from 'node:crypto';

/** Names the archive format: an object of another format has another version and is simply not found. */
const FORMAT = 'cs3m-1';

export interface VersionOptions {
  /** The `path` lines as the layout maps them (`StepLayout.storedLines`), in the order of the input. */
  readonly storedLines: readonly string[];
  readonly platform: NodeJS.Platform;
  /** Input `enableCrossOsArchive`: share between Windows and the others. */
  readonly crossOs: boolean;
}

/**
 * What two saves must have in common, besides the key, to be the same cache: the paths, the format, and Windows or not.
 * SHA-256, 64 hex digits. A cache of Windows has a version of its own because its paths and links differ (the rule of
 * actions/cache).
 */
export function cacheVersion(options: VersionOptions): string {
  const lines = [...options.storedLines, FORMAT];
  if (options.platform === 'win32' && !options.crossOs) lines.push('windows-only');
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex');
}
