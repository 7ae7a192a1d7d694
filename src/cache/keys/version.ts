import { createHash } from 'node:crypto';
import { FORMAT } from '../../archive/format/limits.ts';

/** Names the archive format: an object of another format has another version, so it is not found. */
const ARCHIVE_FORMAT = `cs3m-${FORMAT}`;

interface VersionOptions {
  /** The `path` lines as the layout maps them (`StepLayout.storedLines`), in the order of the input. */
  readonly storedLines: readonly string[];
  readonly platform: NodeJS.Platform;
  /** Input `enableCrossOsArchive`: share caches between Windows and other systems. */
  readonly crossOs: boolean;
}

/**
 * Hashes the facts that separate caches of one key: the paths, the archive format, and Windows or not, since its paths and
 * links differ (the rule of actions/cache). Returns SHA-256 as 64 hex digits.
 */
export function cacheVersion(options: VersionOptions): string {
  const lines = [...options.storedLines, ARCHIVE_FORMAT];
  if (options.platform === 'win32' && !options.crossOs) lines.push('windows-only');
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex');
}
