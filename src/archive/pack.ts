import { Buffer } from 'node:buffer';
import { compressFrame } from './codec.ts';
import type { ManifestHead } from './entry.ts';
import { EntryBook } from './entry-book.ts';
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
  /** What was restored before, and how its first `bytes` become the first bytes of this object. */
  readonly base?: (Base & { readonly copy: (bytes: number) => Promise<void> }) | undefined;
  readonly signal?: AbortSignal | undefined;
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
 * Memory holds the frames in flight and the manifest.
 * Returns undefined, with nothing written, when nothing is there to be archived.
 * Throws `SourceTreeError`, the signal's reason, and whatever `write` or `copy` throws.
 */
export async function pack(options: PackOptions): Promise<PackSummary | undefined> {
  const preparation = prepare(options);
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

function prepare({ layout, roots, notes, head, base }: PackOptions): Preparation {
  const afresh = (members: Iterable<Scanned>): Preparation => ({
    book: new EntryBook(notes, []),
    members,
    head,
    reusedBytes: 0,
    copied: Promise.resolve(),
  });
  if (!base) return afresh(scan(layout, roots, notes));
  const division = divide(scan(layout, roots, notes, true), base);
  if (!isWorthReusing(division)) return afresh(scan(layout, roots, notes));
  const book = new EntryBook(notes, base.manifest.frames);
  for (const reused of division.reused) book.addReused(reused);
  // The store copies while the workers pack
  const copied = base.copy(division.regionBytes);
  copied.catch(() => {});
  const { deadDirectories } = division;
  const grown: ManifestHead = {
    ...head,
    generation: base.manifest.head.generation + 1,
    ...(deadDirectories.length > 0 && { deadDirectories }),
  };
  return { book, members: division.changed, head: grown, reusedBytes: division.regionBytes, copied };
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
