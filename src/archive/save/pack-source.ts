import { BaseOutgrownError } from '../archive-errors.ts';
import type { ManifestHead } from '../format/entry.ts';
import { MAX_HEAD_BYTES } from '../format/limits.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { encodedLength } from '../fs/paths/names.ts';
import type { FramePlan } from '../messages/pack-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { Listings } from '../scan/listings.ts';
import type { SaveNotices } from '../scan/save-notices.ts';
import { type Batch, scan } from '../scan/scan.ts';
import { BaseDiff } from './base-diff.ts';
import { type FinishedManifest, ManifestBuilder } from './manifest-builder.ts';
import { planFrames } from './plan-frames.ts';
import { type BaseArchive, isWorthReusing } from './reuse-estimate.ts';
import { type ComparedBatch, TouchedFiles } from './touched-files.ts';
import { type ArchiveOutput, WritesAfterCopy } from './writes-after-copy.ts';

export interface SourceOptions {
  readonly layout: PathLayout;
  readonly roots: readonly string[];
  readonly head: ManifestHead;
  readonly notices: SaveNotices;
  readonly output: ArchiveOutput;
  readonly signal?: AbortSignal | undefined;
}

/** Entries that a save packs: a whole tree, or the difference to a base. */
export interface PackSource {
  readonly builder: ManifestBuilder;
  readonly plans: AsyncGenerator<FramePlan, void>;
  /** Uses workers to read directories for the scan. */
  readonly useWorkers?: (pool: JobRunner) => void;
  /** Bytes of the object that are copied from the base. */
  readonly reusedBytes: number;
  /** Destination of the bytes that follow the copied ones. */
  readonly output: ArchiveOutput;
  /** Returns the manifest, as `builder.finish` does, when there are no more plans. */
  readonly finish: () => FinishedManifest;
}

/** Returns the source of a full save. */
export function makeFullSource({ layout, roots, notices, head, output, signal }: SourceOptions): PackSource {
  const listings = new Listings({ exact: false });
  const builder = new ManifestBuilder(notices);
  return {
    builder,
    plans: planFrames(scan(layout, roots, notices, listings, signal)),
    useWorkers: pool => listings.begin(pool),
    reusedBytes: 0,
    output,
    finish: () => builder.finish(head),
  };
}

/** The archive that this job restored, and how the store copies it. */
export interface CopyableBase extends BaseArchive {
  /** Copies its first `bytes` bytes to the start of the new object. It is called once at most, before any write. */
  readonly copy: (bytes: number) => Promise<void>;
}

/**
 * Returns the source of an incremental save. The store copies the base's bytes while the tree is scanned. Entries that have
 * changed since the restore of `base` are packed as the scan finds them. `finish` throws `BaseOutgrownError` if too much has
 * changed. The plans throw it as soon as a directory has been replaced by an item of another type. `openPool` returns workers
 * that compare touched files; the caller closes them.
 */
export function makeIncrementalSource(
  options: SourceOptions,
  base: CopyableBase,
  openPool: () => JobRunner,
): PackSource {
  const { layout, roots, notices, head, signal, output } = options;
  const { frames } = base.manifest;
  const regionBytes = frames.reduce((sum, frame) => sum + frame.size, 0);
  const diff = new BaseDiff(base);
  const listings = new Listings({ exact: true });
  const touched = new TouchedFiles(base, listings, openPool);
  const builder = new ManifestBuilder(notices, frames);
  return {
    builder,
    plans: planFrames(
      changedEntries(touched.compare(scan(layout, roots, notices, listings, signal), diff), diff),
    ),
    reusedBytes: regionBytes,
    output: new WritesAfterCopy(base.copy(regionBytes), output),
    finish() {
      if (!isWorthReusing(diff.usage())) throw new BaseOutgrownError('too much of the tree has changed');
      const deadDirectories = diff.deadDirectories();
      // The head, whose size a reader limits, has them as JSON strings
      const bytes = deadDirectories.reduce((sum, name) => sum + encodedLength(name) + 3, 0);
      if (bytes > MAX_HEAD_BYTES / 2) throw new BaseOutgrownError('too many directories were removed');
      return builder.finish(deadDirectories.length > 0 ? { ...head, deadDirectories } : head, diff.reused());
    },
  };
}

/** Yields the changed entries. Throws the errors of `batches`, and `BaseOutgrownError`. */
async function* changedEntries(batches: AsyncIterable<ComparedBatch>, diff: BaseDiff): AsyncGenerator<Batch> {
  for await (const { found, indexes, isSame } of batches)
    yield found.flatMap((entry, at) => diff.next(entry, indexes[at]!, isSame[at] === 1));
}
