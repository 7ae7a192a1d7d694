import type { Buffer } from 'node:buffer';
import { DamagedArchiveError } from '../../archive-errors.ts';
import type { ManifestHead } from '../entry.ts';
import { MAX_HEAD_BYTES } from '../limits.ts';

/** Counts of the columns that follow the head. */
interface ManifestCounts {
  readonly frames: number;
  readonly entries: number;
}

/** Reads the head of a manifest, a JSON object. Throws `DamagedArchiveError`. */
export function readHead(bytes: Buffer): { head: ManifestHead; counts: ManifestCounts } {
  if (bytes.length > MAX_HEAD_BYTES) throw new DamagedArchiveError('the head of its manifest is too long');
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new DamagedArchiveError('the head of its manifest is not JSON', { cause: error });
  }
  if (!isHead(json)) throw new DamagedArchiveError('the head of its manifest lacks a field');
  const { counts, ...head } = json;
  return { head, counts };
}

function isHead(json: unknown): json is ManifestHead & { counts: ManifestCounts } {
  if (!isObject(json)) return false;
  const { counts, origin } = json;
  return (
    ['tool', 'object', 'key', 'version', 'platform'].every(field => typeof json[field] === 'string') &&
    isStrings(json.paths) &&
    (json.deadDirectories === undefined || isStrings(json.deadDirectories)) &&
    isObject(origin) &&
    isStrings(Object.values(origin)) &&
    isObject(counts) &&
    isCount(counts.frames) &&
    isCount(counts.entries)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
