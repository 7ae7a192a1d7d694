import { Buffer } from 'node:buffer';
import { hash, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { ignoreErrors } from '../archive/fs/ignore-errors.ts';
import { RestoredLinks } from '../archive/fs/links/restored-links.ts';
import type { Log } from '../report/log.ts';
import { readRecord, recordNames, writeRecord } from './record-files.ts';

/** Limit on a record about one object, in bytes: a name has at most 1024. */
const MAX_OBJECT_BYTES = 16 * 1024;
const HALF_RESTORED = 'cache-s3-half-';
/** Limits on the records of half-restored paths that are read, in bytes of all together. */
const HALF_RESTORED_LIMITS = { maxBytes: 1024 * 1024, maxRecords: 100 };
const RESTORED_LINKS = 'cache-s3-links-';
/** The same for the records of restored links: one for each restore, with 24 bytes for each of up to 4,000,000 entries. */
const LINK_LIMITS = { maxBytes: 96 * 1024 * 1024, maxRecords: 100 };

/**
 * Facts that a step passes to later steps of the same job, as files in RUNNER_TEMP, because restore/ and save/ share no
 * state. A record saves work or prevents a mistake. No method throws, and every step works without a record.
 */
export class JobRecords {
  readonly #directory: string | undefined;
  readonly #log: Log;
  #halfRestoredIsLost = false;

  /** Keeps no records if `directory` is undefined or empty. */
  constructor(directory: string | undefined, log: Log) {
    this.#directory = directory || undefined;
    this.#log = log;
  }

  /** Whether records are kept. If not, a step does not collect their content. */
  get areKept(): boolean {
    return this.#directory !== undefined;
  }

  /** Records that an object of this name and ETag is damaged: a save of the job may replace it. */
  markDamaged({ name, etag }: { readonly name: string; readonly etag: string }): void {
    this.write(damagedFile(name), JSON.stringify({ name, etag }));
  }

  /** Returns the ETag under which the object was found damaged. Returns undefined if it was not. */
  damagedEtag(name: string): string | undefined {
    const record = parseJson(this.read(damagedFile(name), MAX_OBJECT_BYTES)) as
      | { readonly name?: unknown; readonly etag?: unknown }
      | undefined;
    return record?.name === name && typeof record.etag === 'string' ? record.etag : undefined;
  }

  clearDamaged(name: string): void {
    this.remove(damagedFile(name));
  }

  /** Whether this step has half restored paths, and no record of them could be written, so that a later step does not know it. */
  get halfRestoredIsLost(): boolean {
    return this.#halfRestoredIsLost;
  }

  /**
   * Records that these paths (`StepLayout.includedPaths`) may have a mixture of their old content and the cache's. No save of the
   * job stores any of them until they are restored in full. `version` is the version of the paths. Returns false if they were
   * already recorded.
   */
  markHalfRestored(version: string, paths: readonly string[]): boolean {
    const name = `${HALF_RESTORED}${version}`;
    const isNew = this.read(name, HALF_RESTORED_LIMITS.maxBytes) === undefined;
    const isWritten = this.write(name, JSON.stringify(paths));
    this.#halfRestoredIsLost = isNew && !isWritten;
    return isNew;
  }

  /**
   * Returns whether one of these paths, or a path above or below one, is half restored. Calls `includedPaths` only if a path is
   * half restored.
   */
  isHalfRestored(includedPaths: () => readonly string[]): boolean {
    const records = this.newest(HALF_RESTORED, HALF_RESTORED_LIMITS);
    const half = Array.from(records, parseJson).filter(isTexts).flat();
    if (half.length === 0) return false;
    const paths = includedPaths();
    return half.some(path => paths.some(other => isWithin(path, other) || isWithin(other, path)));
  }

  clearHalfRestored(version: string): void {
    this.#halfRestoredIsLost = false;
    this.remove(`${HALF_RESTORED}${version}`);
  }

  /**
   * Records symlinks that a restore is about to publish (`linkRow`), in a record of this restore alone. No later step of the job
   * follows them.
   */
  addRestoredLinks(rows: readonly number[]): void {
    if (rows.length === 0) return;
    this.write(`${RESTORED_LINKS}${randomUUID()}`, Buffer.from(Float64Array.from(rows).buffer));
  }

  /** Returns the symlinks that earlier restores of the job have made. */
  restoredLinks(): RestoredLinks {
    const links = new RestoredLinks();
    for (const record of this.newest(RESTORED_LINKS, LINK_LIMITS)) {
      // Copies the record, because the array must begin at a multiple of eight bytes
      links.add(new Float64Array(Uint8Array.from(record).buffer, 0, Math.floor(record.length / 8)));
    }
    return links;
  }

  /** Writes a record: in full or not at all, readable by its owner alone. Returns whether it was written. */
  write(name: string, content: Uint8Array | string): boolean {
    if (this.#directory === undefined) return false;
    try {
      writeRecord(path.join(this.#directory, name), content);
      return true;
    } catch (error) {
      this.#log.debug(`The record ${name} was not written: ${(error as Error).message}`);
      return false;
    }
  }

  /** Reads a record. Returns undefined if there is none, if it has over `maxBytes`, or if it is not of this job. */
  read(name: string, maxBytes: number): Buffer | undefined {
    const directory = this.#directory;
    if (directory === undefined) return undefined;
    return ignoreErrors(() => readRecord(path.join(directory, name), maxBytes));
  }

  remove(name: string): void {
    const directory = this.#directory;
    if (directory !== undefined) ignoreErrors(() => rmSync(path.join(directory, name), { force: true }));
  }

  /**
   * Yields the records whose names begin with `prefix`, newest first. Skips those that exceed `maxBytes` together with newer ones, and
   * the files of other users, which could otherwise hide a record of this job.
   */
  *newest(
    prefix: string,
    { maxBytes, maxRecords }: { readonly maxBytes: number; readonly maxRecords: number },
  ): Generator<Buffer> {
    const directory = this.#directory;
    if (directory === undefined) return;
    let count = 0;
    let leftBytes = maxBytes;
    for (const name of ignoreErrors(() => recordNames(directory, prefix)) ?? []) {
      const record = this.read(name, leftBytes);
      if (!record) continue;
      leftBytes -= record.length;
      yield record;
      if (++count === maxRecords) return;
    }
  }
}

function parseJson(bytes: Buffer | undefined): unknown {
  return bytes && ignoreErrors(() => JSON.parse(bytes.toString('utf8')));
}

/** Returns whether a value is an array of strings. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(one => typeof one === 'string');
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

function damagedFile(name: string): string {
  return `cache-s3-damaged-${hash('sha256', name)}`;
}
