import { Buffer } from 'node:buffer';
import { compressFrame } from './codec.ts';
import { type Entry, EntryType, type Frame, type ManifestHead } from './entry.ts';
import { SourceTreeError } from './errors.ts';
import { seekTable } from './format.ts';
import { mapInOrder } from './in-flight.ts';
import { joinStrings, PackColumn, PackedColumn, type PackJob, type PackResult, VANISHED } from './jobs.ts';
import type { PathLayout } from './layout.ts';
import { encodeManifest } from './manifest.ts';
import { printable } from './names.ts';
import { type FramePlan, planFrames } from './plan-frames.ts';
import { thisPlatform } from './platform.ts';
import { type ScanNotes, type Scanned, scan } from './scan.ts';
import { END_OF_ARCHIVE_BYTES } from './tar-header.ts';
import type { JobRunner } from './worker-pool.ts';

export interface PackOptions {
  readonly layout: PathLayout;
  readonly roots: readonly string[];
  readonly head: ManifestHead;
  /** zstd level, 1 to 19. */
  readonly level: number;
  readonly runner: JobRunner;
  readonly notes: ScanNotes;
  /** Takes the object's bytes in their order; resolves when there is room for more. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

export interface PackSummary {
  readonly entries: number;
  /** Bytes of file data. */
  readonly rawBytes: number;
  /** Bytes of the object. */
  readonly sizeBytes: number;
}

/**
 * Writes the archive of a tree: scan, frames by the workers, and what they return in order, while the scan goes on.
 * Memory holds the frames in flight and the entries.
 * Returns undefined, with nothing written, when nothing is there to be archived.
 * Throws `SourceTreeError`, the signal's reason, and whatever `write` throws.
 */
export async function pack(options: PackOptions): Promise<PackSummary | undefined> {
  const { layout, roots, runner, level, write } = options;
  const book = new EntryBook(options.notes);
  const plans = planFrames(scan(layout, roots, options.notes));
  const work = async (plan: FramePlan) => ({ plan, result: await runner.run(packJob(plan, level)) });
  let sizeBytes = 0;
  const writeOut = (bytes: Uint8Array): Promise<void> => {
    sizeBytes += bytes.length;
    return write(bytes);
  };
  for await (const { plan, result } of mapInOrder(plans, framesInFlight(runner), work)) {
    options.signal?.throwIfAborted();
    book.add(plan, result);
    await writeOut(result.bytes);
  }
  if (book.entries.length === 0) return undefined;

  const end = compressFrame(Buffer.alloc(END_OF_ARCHIVE_BYTES), level);
  await writeOut(end);
  const { entries, frames } = book;
  await writeOut(encodeManifest({ head: options.head, frames, entries }));
  await writeOut(seekTable([...frames, { size: end.length, rawSize: END_OF_ARCHIVE_BYTES }]));
  return { entries: entries.length, rawBytes: book.rawBytes, sizeBytes };
}

/** Each worker has one frame under work and one waiting, and finished ones wait for an earlier one that takes longer. */
function framesInFlight(runner: JobRunner): number {
  return 3 * runner.width + 1;
}

function packJob({ members, slice }: FramePlan, level: number): PackJob {
  const numbers = new Float64Array(members.length * PackColumn.width);
  members.forEach((member, index) => {
    const row = index * PackColumn.width;
    numbers[row + PackColumn.type] = member.type;
    numbers[row + PackColumn.mode] = modeOf(member);
    numbers[row + PackColumn.mtimeUs] = member.mtimeUs;
    numbers[row + PackColumn.size] = member.dataBytes;
    numbers[row + PackColumn.uid] = ownerOf(member.stats.uid);
    numbers[row + PackColumn.gid] = ownerOf(member.stats.gid);
  });
  return {
    kind: 'pack',
    names: joinStrings(members.map(member => member.name)),
    paths: joinStrings(members.map(member => member.path)),
    linkNames: joinStrings(members.map(member => member.linkName)),
    numbers,
    slice,
    level,
  };
}

function modeOf({ type, stats }: Scanned): number {
  if (thisPlatform.hasModes) return stats.mode & 0o7777;
  // Where there are no modes, those that suit both sides of a cache shared between systems
  return type === EntryType.directory ? 0o755 : 0o644;
}

function ownerOf(id: number): number {
  return thisPlatform.keepsOwners ? id : -1;
}

/** Collects entries and frames as frames come back, in order. */
class EntryBook {
  readonly entries: Entry[] = [];
  readonly frames: Frame[] = [];
  rawBytes = 0;
  readonly #notes: ScanNotes;
  /** Files with several names: their index, by the first name. */
  readonly #linked = new Map<string, number>();

  constructor(notes: ScanNotes) {
    this.#notes = notes;
  }

  add({ members, slice }: FramePlan, result: PackResult): void {
    const frame = this.frames.length;
    this.frames.push({ size: result.bytes.length, rawSize: result.rawSize, sha256: result.sha256 });
    // The later slices of a file belong to the entry that its first one made
    if (slice && slice.start > 0) return;
    members.forEach((member, index) => {
      this.#addEntry(member, frame, result.numbers.subarray(index * PackedColumn.width));
    });
  }

  #addEntry(member: Scanned, frame: number, packed: Float64Array): void {
    const { name, type, linkName, stats } = member;
    const offset = packed[PackedColumn.offset]!;
    if (offset === VANISHED) {
      this.#notes.leftOut(member.path, 'it vanished while it was saved');
      return;
    }
    const size = packed[PackedColumn.size]!;
    if (type === EntryType.file && stats.nlink > 1) this.#linked.set(name, this.entries.length);
    this.rawBytes += size;
    this.entries.push({
      name,
      type,
      mode: packed[PackedColumn.mode]!,
      mtimeUs: packed[PackedColumn.mtimeUs]!,
      size,
      target: type === EntryType.symlink ? linkName : '',
      linkTo: type === EntryType.hardLink ? this.#firstName(member) : -1,
      uid: ownerOf(stats.uid),
      gid: ownerOf(stats.gid),
      frame: size > 0 ? frame : -1,
      offset: size > 0 ? offset : 0,
    });
  }

  #firstName(member: Scanned): number {
    const index = this.#linked.get(member.linkName);
    // The data would have stood under the first name, and tar members that point to it are written already
    if (index === undefined)
      throw new SourceTreeError(
        `${printable(member.linkName)} vanished, a name of ${printable(member.path)}`,
      );
    return index;
  }
}
