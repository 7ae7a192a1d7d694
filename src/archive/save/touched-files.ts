import { dataPieces } from '../format/data-pieces.ts';
import type { RowStatus } from '../fs/status-rows.ts';
import { encodeContentJob, type HashedPiece } from '../messages/content-job.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import type { Listings } from '../scan/listings.ts';
import type { Batch } from '../scan/scan.ts';
import { InlineRunner } from '../worker/worker.ts';
import { type BaseDiff, isTouched } from './base-diff.ts';
import type { BaseArchive } from './reuse-estimate.ts';

/** Turns whose touched files are being read. */
const TURNS_IN_FLIGHT = 8;
/** Bytes of files that a worker reads in one job. */
const BYTES_A_JOB = 4 * 1024 * 1024;
/** A few touched files are read on this thread, before a worker would have started: this many bytes in all. */
const INLINE_BYTES = 1024 * 1024;
/** To open a file takes as long as to read this many bytes. */
const OPEN_BYTES = 16 * 1024;

/** Entries of a scan in their order. */
export interface ComparedTurn {
  readonly found: Batch;
  /** By entry: the index of the base's entry of the same name, or -1. */
  readonly indexes: readonly number[];
  /** By entry: 1 if it is a touched file that has the base's data. */
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
   * `openPool` is called when there is more to read than a little; then workers read `listings` of the scan too. The caller
   * closes what it returns.
   */
  constructor(base: BaseArchive, listings: Listings, openPool: () => JobRunner) {
    this.#base = base;
    this.#listings = listings;
    this.#openPool = openPool;
  }

  /** Yields all entries of a scan. Throws the errors of the scan and of the pool. */
  async *compare(scanned: AsyncIterable<Batch>, diff: BaseDiff): AsyncGenerator<ComparedTurn> {
    const waiting: Promise<ComparedTurn>[] = [];
    for await (const found of scanned) {
      const indexes = found.map(entry => diff.indexOf(entry.name));
      const touched = found.flatMap((entry, at) => (this.#isTouched(entry, indexes[at]!) ? [at] : []));
      const compared = this.#compareTurn(found, indexes, touched);
      // It is awaited in its order, or not at all after a failure
      compared.catch(() => {});
      waiting.push(compared);
      // Scans ahead only while files are compared: otherwise the next entries would only take memory
      if (waiting.length > TURNS_IN_FLIGHT || touched.length === 0) yield await waiting.shift()!;
    }
    for (const compared of waiting) yield await compared;
  }

  #isTouched({ stats, size }: ScannedEntry, index: number): boolean {
    return size > 0 && index >= 0 && isTouched(this.#base, index, stats.exact!);
  }

  async #compareTurn(
    found: Batch,
    indexes: readonly number[],
    touched: readonly number[],
  ): Promise<ComparedTurn> {
    const isSame = new Uint8Array(found.length);
    const pieces = touched.flatMap(at => {
      isSame[at] = 1;
      const { path, stats } = found[at]!;
      return hashedPieces(this.#base, indexes[at]!, path, stats.exact!).map(piece => ({ ...piece, at }));
    });
    const jobs = [...jobsOf(pieces)].map(async job => {
      const result = await this.#runnerFor(job).run(encodeContentJob(job, this.#base.contents!.key));
      for (const [index, { at }] of job.entries()) isSame[at]! &= result.isSame[index]!;
    });
    await Promise.all(jobs);
    return { found, indexes, isSame };
  }

  #runnerFor(job: readonly HashedPiece[]): JobRunner {
    if (this.#pool) return this.#pool;
    this.#inlineLeft -= job.reduce((sum, { size }) => sum + size + OPEN_BYTES, 0);
    if (this.#inlineLeft >= 0) return this.#inline;
    this.#pool = this.#openPool();
    this.#listings.begin(this.#pool);
    return this.#pool;
  }
}

/** Groups pieces into jobs, in their order. */
function* jobsOf<P extends HashedPiece>(pieces: readonly P[]): Generator<readonly P[]> {
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

/** Returns the pieces of a file of the base whose hashes are known: `path` and `stats` are those of the file on the disk. */
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
