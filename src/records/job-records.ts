import { createHash } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { ignoreErrors } from '../archive/fs/ignore-errors.ts';
import type { Log } from '../report/log.ts';

/** A record's content, and when it was written. */
export interface JobRecord {
  readonly bytes: Buffer;
  readonly writtenNs: bigint;
}

/**
 * Facts that a step leaves to later steps of the same job, as files in RUNNER_TEMP. The steps restore/ and save/ get no
 * state from each other. A record is a shortcut or a caution: no method throws, and without a record every step works.
 */
export class JobRecords {
  readonly #directory: string | undefined;
  readonly #log: Log;

  /** Keeps nothing where `directory` is undefined or empty. */
  constructor(directory: string | undefined, log: Log) {
    this.#directory = directory || undefined;
    this.#log = log;
  }

  /** Whether records are kept at all: what goes into one need not be collected otherwise. */
  get areKept(): boolean {
    return this.#directory !== undefined;
  }

  /** Records that an object of this name and ETag is damaged: a save of the job may replace it. */
  markDamaged({ name, etag }: { readonly name: string; readonly etag: string }): void {
    this.write(damagedFile(name), JSON.stringify({ name, etag }));
  }

  /** Returns the ETag under which the object was found damaged, undefined if it was not. */
  damagedEtag(name: string): string | undefined {
    const bytes = this.read(damagedFile(name))?.bytes;
    const record = bytes && ignoreErrors(() => JSON.parse(bytes.toString('utf8')));
    return record?.name === name && typeof record.etag === 'string' ? record.etag : undefined;
  }

  clearDamaged(name: string): void {
    this.remove(damagedFile(name));
  }

  /**
   * Records that the paths of this version hold a mixture of what they held and what the cache holds. No save of the
   * job stores them, until they are restored in full.
   */
  markHalfRestored(version: string): void {
    this.write(halfRestoredFile(version), '');
  }

  isHalfRestored(version: string): boolean {
    return this.read(halfRestoredFile(version)) !== undefined;
  }

  clearHalfRestored(version: string): void {
    this.remove(halfRestoredFile(version));
  }

  /**
   * Writes a record: in full or not at all, readable by its owner alone. As root (`sudo: true`, containers) it belongs
   * to the owner of the directory, who has to remove it.
   */
  write(name: string, content: Uint8Array | string): void {
    if (this.#directory === undefined) return;
    const file = path.join(this.#directory, name);
    try {
      writeWhole(file, content);
    } catch (error) {
      this.#log.debug(`The record ${name} was not written: ${(error as Error).message}`);
    }
  }

  /** Returns undefined if there is no such record. */
  read(name: string): JobRecord | undefined {
    if (this.#directory === undefined) return undefined;
    const file = path.join(this.#directory, name);
    return ignoreErrors(() => ({
      bytes: readFileSync(file),
      writtenNs: lstatSync(file, { bigint: true }).mtimeNs,
    }));
  }

  remove(name: string): void {
    if (this.#directory === undefined) return;
    const file = path.join(this.#directory, name);
    ignoreErrors(() => rmSync(file, { force: true }));
  }

  names(): readonly string[] {
    const directory = this.#directory;
    return (directory !== undefined && ignoreErrors(() => readdirSync(directory))) || [];
  }
}

function damagedFile(name: string): string {
  return `cache-s3-damaged-${createHash('sha256').update(name).digest('hex')}`;
}

function halfRestoredFile(version: string): string {
  return `cache-s3-half-${version}`;
}

/** Throws the system's errors. */
function writeWhole(file: string, content: Uint8Array | string): void {
  const unfinished = `${file}.new`;
  rmSync(unfinished, { force: true });
  try {
    // Exclusive: not through a link that another process has put there
    const fd = openSync(unfinished, 'wx', 0o600);
    try {
      writeFileSync(fd, content);
      const { uid, gid } = statSync(path.dirname(file));
      if (process.geteuid?.() === 0) ignoreErrors(() => fchownSync(fd, uid, gid));
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, file);
  } catch (error) {
    ignoreErrors(() => rmSync(unfinished, { force: true }));
    throw error;
  }
}
