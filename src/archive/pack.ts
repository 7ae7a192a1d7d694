import { Buffer } from 'node:buffer';
import { compressFrame } from './codec.ts';
import type { ManifestHead } from './entry.ts';
import { EntryBook } from './entry-book.ts';
import { BaseOutgrownError } from './errors.ts';
import { isLikelyWorthReusing } from './forecast.ts';
import { seekTable } from './format.ts';
import { mapInOrder } from './in-flight.ts';
import type { PathLayout } from './layout.ts';
import { packJob } from './pack-job.ts';
import { type FramePlan, planFrames } from './plan-frames.ts';
import { type Base, divide, isWorthReusing } from './reuse.ts';
import { type ScanNotes, type Scanned, scan } from './scan.ts';
import { END_OF_ARCHIVE_BYTES } from './tar-header.ts';
import { InlineRunner, type JobRunner } from './worker-pool.ts';

export interface PackOptions {
  readonly layout: PathLayout;
  readonly roots: readonly string[];
  readonly head: ManifestHead;
  /** zstd level, 1 to 19. */
  readonly level: number;
  /** Made when there is more to pack than one frame, or one that takes long; closed here. */
  readonly runner: () => JobRunner;
  readonly notes: ScanNotes;
  /** Takes the object's bytes in their order; resolves when there is room for more. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly base?: GrowingBase | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was restored before. */
export interface GrowingBase extends Base {
  /** Makes its first `bytes` the first bytes of this object. Called once at most, before anything is written. */
  readonly copy: (bytes: number) => Promise<void>;
}

export interface PackSummary {
  readonly entries: number;
  /** Bytes of file data. */
  readonly rawBytes: number;
  /** Bytes of the object. */
  readonly sizeBytes: number;
  /** Bytes of the object that were taken over from the base. */
  readonly reusedBytes: number;
}

/**
 * Writes the archive of a tree: scan, frames by the workers, and what they return in order, while the scan goes on.
 * With a base, the scan comes first: what is unchanged is not read. (Where little is, the tree is scanned once more.)
 * When the tree looks as if much of it were unchanged, the store copies the base's bytes during the scan.
 * Memory holds the frames in flight and the manifest.
 * Returns undefined, with nothing written, when nothing is there to be archived.
 * Throws `SourceTreeError`, the signal's reason, whatever `write` or `copy` throws, and `BaseOutgrownError` when the
 * bytes that are copied already are of no use.
 */
export async function pack(options: PackOptions): Promise<PackSummary | undefined> {
  const preparation = await prepare(options);
  const plans = planFrames(preparation.members);
  const firstTwo = [...take(plans, 2)];
  // One frame is packed before a worker has started
  const isQuick = firstTwo.length <= 1 && firstTwo.every(plan => isQuickToPack(plan, options.level));
  const runner = isQuick ? new InlineRunner() : options.runner();
  try {
    return await packFrames(options, preparation, chain(firstTwo, plans), runner);
  } finally {
    await runner.close();
  }
}

async function packFrames(
  options: PackOptions,
  { book, head, reusedBytes, copied }: Preparation,
  plans: Iterable<FramePlan>,
  runner: JobRunner,
): Promise<PackSummary | undefined> {
  const { level, signal } = options;
  let sizeBytes = reusedBytes;
  const write = async (bytes: Uint8Array): Promise<void> => {
    await copied;
    sizeBytes += bytes.length;
    await options.write(bytes);
  };
  const work = async (plan: FramePlan) => ({ plan, result: await runner.run(packJob(plan, level)) });
  for await (const { plan, result } of mapInOrder(plans, framesInFlight(runner), work)) {
    signal?.throwIfAborted();
    book.add(plan, result);
    // Nothing is in a frame whose members have all vanished
    if (result.rawSize > 0) await write(result.bytes);
  }
  // All of it is made before the first write, which may have to wait until the store has copied the base
  const { manifest, entries } = book.finish(head);
  if (entries === 0) return undefined;
  const { frames, rawBytes } = book;
  const end = compressFrame(Buffer.alloc(END_OF_ARCHIVE_BYTES), level);
  const table = seekTable([...frames, { size: end.length, rawSize: END_OF_ARCHIVE_BYTES }]);
  for (const bytes of [end, manifest, table]) await write(bytes);
  return { entries, rawBytes, sizeBytes, reusedBytes };
}

interface Preparation {
  readonly book: EntryBook;
  /** What is to be packed, in the order of the scan. */
  readonly members: Iterable<Scanned>;
  readonly head: ManifestHead;
  readonly reusedBytes: number;
  /** The base's bytes are in place. */
  readonly copied: Promise<void>;
}

async function prepare({ layout, roots, notes, head, base, signal }: PackOptions): Promise<Preparation> {
  const afresh = (): Preparation => ({
    book: new EntryBook(notes, []),
    members: scan(layout, roots, notes),
    head,
    reusedBytes: 0,
    copied: Promise.resolve(),
  });
  if (!base) return afresh();
  const { manifest } = base;
  // The store copies while the tree is scanned and the workers pack
  const early = isLikelyWorthReusing(base, layout) ? copyRegion(base) : undefined;
  const division = await divide(scan(layout, roots, notes, true), base, signal);
  if (!isWorthReusing(division)) {
    if (early) throw new BaseOutgrownError('too much of the tree has changed');
    return afresh();
  }
  const copied = early ?? copyRegion(base);
  const book = new EntryBook(notes, manifest.frames);
  for (const reused of division.reused) book.addReused(reused);
  const { deadDirectories } = division;
  const grown: ManifestHead = {
    ...head,
    generation: manifest.head.generation + 1,
    ...(deadDirectories.length > 0 && { deadDirectories }),
  };
  return { book, members: division.changed, head: grown, reusedBytes: division.regionBytes, copied };
}

/** All that there is of the base's frames becomes the beginning of the new object. */
function copyRegion({ manifest, copy }: GrowingBase): Promise<void> {
  const copied = copy(manifest.frames.reduce((sum, frame) => sum + frame.size, 0));
  // Whoever writes after it hears of its failure
  copied.catch(() => {});
  return copied;
}

/**
 * Whether the main thread may pack it. Above level 9, zstd takes up to a second for each MiB (4 MiB at level 19: 4.2 s on
 * a busy host), and a signal has to be heard before that.
 */
function isQuickToPack({ members }: FramePlan, level: number): boolean {
  return level <= 9 || members.reduce((sum, member) => sum + member.dataBytes, 0) <= 256 * 1024;
}

/** The next `count` items; leaves the rest where it is. */
function* take<T>(items: Iterator<T>, count: number): Generator<T> {
  for (let taken = 0; taken < count; taken++) {
    const { done, value } = items.next();
    if (done) return;
    yield value;
  }
}

function* chain<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

/** Each worker has one frame under work and one waiting, and finished ones wait for an earlier one that takes longer. */
function framesInFlight(runner: JobRunner): number {
  return 3 * runner.width + 1;
}
