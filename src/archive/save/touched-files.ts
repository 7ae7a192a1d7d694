import { dataPieces } from '../format/data-pieces.ts';
import { EntryType } from '../format/entry.ts';
import type { RowStatus } from '../fs/status-rows.ts';
import { encodeContentJob, type HashedPiece } from '../messages/content-job.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import type { Listings } from '../scan/listings.ts';
import type { Batch } from '../scan/scan.ts';
import { InlineRunner } from '../worker/worker.ts';
import type { BaseDiff } from './base-diff.ts';
import type { BaseArchive } from './reuse-estimate.ts';

/** Maximum number of batches whose touched files are being read. */
const BATCHES_IN_FLIGHT = 8;
/** Number of bytes to read at which a job is complete. */
const BYTES_A_JOB = 4 * 1024 * 1024;
/** Bytes of touched files that this thread reads, in less time than a worker needs to start. */
const INLINE_BYTES = 1024 * 1024;
/** Bytes that can be read in the time that it takes to open a file. */
const OPEN_BYTES = 16 * 1024;

/** Entries of a scan that were compared with the base, in their order. */
export interface ComparedBatch {
  readonly found: Batch;
  /** Index of the base's entry of the same name for each entry, or -1. */
  readonly indexes: readonly number[];
  /** 1 for each entry that is a touched file with the base's data. */
  readonly isSame: Uint8Array;
}

/**
 * Compares the touched files of a scan (`isTouched`) with the base, in workers if there are more than a few. Build caches set
 * the times of what they use, without any other change.
 */
export class TouchedFiles {
  readonly #base: BaseArchive;
  readonly #listings: Listings;
  readonly #openPool: () => JobRunner;
  readonly #inline = new InlineRunner();
  #inlineLeft = INLINE_BYTES;
  #pool: JobRunner | undefined;

  /**
   * Calls `openPool` if there are more than a few touched files; its workers then read directories for `listings` too. The caller
   * closes the pool.
   */
  constructor(base: BaseArchive, listings: Listings, openPool: () => JobRunner) {
    this.#base = base;
    this.#listings = listings;
    this.#openPool = openPool;
  }

  /** Yields all entries of a scan. Throws the errors of the scan and of the pool. */
  async *compare(scanned: AsyncIterable<Batch>, diff: BaseDiff): AsyncGenerator<ComparedBatch> {
    const waiting: Promise<ComparedBatch>[] = [];
    for await (const found of scanned) {
      const indexes = found.map(entry => diff.advanceTo(entry.name));
      const touched = found.flatMap((entry, at) => (this.#isTouched(entry, indexes[at]!) ? [at] : []));
      const compared = this.#compareBatch(found, indexes, touched);
      // It is awaited in its order, or not at all after a failure
      compared.catch(() => {});
      waiting.push(compared);
      // Scans ahead only while files are compared: otherwise the next entries would only take memory
      if (waiting.length > BATCHES_IN_FLIGHT || touched.length === 0) yield await waiting.shift()!;
    }
    for (const compared of waiting) yield await compared;
  }

  #isTouched({ stats, size }: ScannedEntry, index: number): boolean {
    return size > 0 && index >= 0 && isTouched(this.#base, index, stats.exact!);
  }

  async #compareBatch(
    found: Batch,
    indexes: readonly number[],
    touched: readonly number[],
  ): Promise<ComparedBatch> {
    const isSame = new Uint8Array(found.length);
    const pieces = touched.flatMap(at => {
      isSame[at] = 1;
      const { path, stats } = found[at]!;
      return hashedPieces(this.#base, indexes[at]!, path, stats.exact!).map(piece => ({ ...piece, at }));
    });
    const jobs = [...groupIntoJobs(pieces)].map(async job => {
      const result = await this.#pickRunner(job).run(encodeContentJob(job, this.#base.contents!.key));
      for (const [index, { at }] of job.entries()) isSame[at]! &= result.isSame[index]!;
    });
    await Promise.all(jobs);
    return { found, indexes, isSame };
  }

  #pickRunner(job: readonly HashedPiece[]): JobRunner {
    if (this.#pool) return this.#pool;
    this.#inlineLeft -= job.reduce((sum, { size }) => sum + size + OPEN_BYTES, 0);
    if (this.#inlineLeft >= 0) return this.#inline;
    this.#pool = this.#openPool();
    this.#listings.begin(this.#pool);
    return this.#pool;
  }
}

/** Groups pieces into jobs, in their order. */
function* groupIntoJobs<P extends HashedPiece>(pieces: readonly P[]): Generator<readonly P[]> {
  let group: P[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    group.push(piece);
    bytes += piece.size;
    if (bytes < BYTES_A_JOB) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/**
 * Returns whether a file of the base is touched: its status has changed, its size has not, and the hash of its data is known. Then
 * only its data can prove whether it has changed.
 */
export function isTouched(
  { manifest, rows, contents }: BaseArchive,
  index: number,
  stats: RowStatus,
): boolean {
  const { type, size } = manifest.entries[index]!;
  if (contents === undefined || type !== EntryType.file || BigInt(size) !== stats.size) return false;
  return !rows.matches(index, stats) && contents.has(index);
}

/** Returns the pieces of a file of the base, with their known hashes. `path` and `stats` are of the file on the disk. */
export function hashedPieces(
  { manifest, contents }: BaseArchive,
  index: number,
  path: string,
  stats: RowStatus,
): readonly HashedPiece[] {
  const entry = manifest.entries[index]!;
  return Array.from(dataPieces(entry, manifest.frames), ({ frame, position, size }) => {
    return { path, stats, position, size, hash: contents!.get(index, frame - entry.frame) };
  });
}
