import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { DamagedObject } from '../storage/backend.ts';
import { writeJobFile } from './job-file.ts';

/**
 * What a restore/ leaves for the save/ of the same job, which gets no state from it: that this object, while it has
 * this ETag, is damaged and may be replaced. One small file in RUNNER_TEMP.
 */

/** Throws the system's errors. */
export function writeDamaged(directory: string, { name, etag }: DamagedObject): void {
  writeJobFile(recordFile(directory, name), JSON.stringify({ name, etag }));
}

/** The ETag under which the object of this name was found damaged; undefined: it was not, or nobody can read it. */
export function readDamaged(directory: string, name: string): string | undefined {
  try {
    const record = JSON.parse(readFileSync(recordFile(directory, name), 'utf8'));
    return record?.name === name && typeof record.etag === 'string' ? record.etag : undefined;
  } catch {
    return undefined;
  }
}

/** The object has been replaced. What cannot be removed names an ETag that is gone. */
export function removeDamaged(directory: string, name: string): void {
  try {
    rmSync(recordFile(directory, name), { force: true });
  } catch {}
}

function recordFile(directory: string, name: string): string {
  return path.join(directory, `cache-s3-damaged-${createHash('sha256').update(name).digest('hex')}`);
}
