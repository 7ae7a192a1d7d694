import { createHash } from 'node:crypto';
import { FORMAT } from '../../archive/format/limits.ts';

/** The name of the archive format. An object of another format has another version, so it is not found. */
const ARCHIVE_FORMAT = `cs3m-${FORMAT}`;

interface VersionOptions {
  /** The `path` lines as the layout maps them (`StepLayout.storedLines`), in the order of the input. */
  readonly storedLines: readonly string[];
  readonly platform: NodeJS.Platform;
  /** Whether Windows and other systems share caches (input `enableCrossOsArchive`). */
  readonly crossOs: boolean;
}

/**
 * Returns the version of a cache: SHA-256, as 64 hex digits, of the facts that separate caches of one key. These are the paths,
 * the archive format, and whether the system is Windows, since its paths and links differ (the rule of actions/cache).
 */
export function cacheVersion(options: VersionOptions): string {
  const lines = [...options.storedLines, ARCHIVE_FORMAT];
  if (options.platform === 'win32' && !options.crossOs) lines.push('windows-only');
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex');
}
