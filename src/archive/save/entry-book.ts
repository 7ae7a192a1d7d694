import { SourceTreeError } from '../archive-errors.ts';
import { type Entry, EntryType, type Frame, type ManifestHead } from '../format/entry.ts';
import { ManifestWriter } from '../format/manifest-writer.ts';
import { compareNames } from '../fs/names.ts';
import { type ScanNotes, type ScannedEntry, VANISHED_WHILE_SAVED } from '../scan/scan.ts';
import { PackedColumn, type PackResult, VANISHED } from '../threads/jobs.ts';
import { trimHeap } from '../threads/memory.ts';
import { ownerOf } from '../threads/pack-job.ts';
import type { FramePlan } from './plan-frames.ts';

/** Little lives in the heap of a full save: the rest is the scan's garbage, which nobody collects once that is over. */
const HEAP_LEFT_ALONE_BYTES = 96 * 1024 * 1024;
/**
 * In a save that grows from a base the entries of that live, so there is less to gain; and there is little to pack, beside
 * which a collection of 0.4 s for 111,000 entries is long.
 */
const HEAP_OF_GROWN_LEFT_ALONE_BYTES = 384 * 1024 * 1024;

/** An entry on its way into a manifest. */
export interface Listed {
  /** `linkTo` is not known yet. */
  readonly entry: Entry;
  /** A hard link's first name, else without meaning. */
  readonly linkName: string;
  /** A file with several names, to which others may be linked. */
  readonly isLinkable: boolean;
}

/**
 * Collects what a manifest is made of while a save goes on. Keeps no entries where it need not: they are written as they
 * come. Those of a save that grows wait for their places among what is taken over, which is known at the end.
 */
export class EntryBook {
  readonly frames: Frame[];
  /** Bytes of file data. */
  rawBytes = 0;
  readonly #notes: ScanNotes;
  readonly #writer = new ManifestWriter();
  /** What was packed, of a save that grows. */
  readonly #waiting: Listed[] | undefined;
  /** Files with several names, by the one that has the data: the place in the manifest. */
  readonly #linkable = new Map<string, number>();
  /** Those of them that became other files between scan and reading. */
  readonly #replaced = new Set<string>();

  /** `frames` are those of the archive that this one grows from. */
  constructor(notes: ScanNotes, frames?: readonly Frame[]) {
    this.#notes = notes;
    this.frames = [...(frames ?? [])];
    this.#waiting = frames && [];
  }

  /**
   * The next frame, as a worker returned it. One whose members have all vanished is empty, and no frame.
   * Throws `SourceTreeError`, here or at the end, for a hard link whose first name has vanished or become another file,
   * and for more entries than an archive holds.
   */
  add({ members, slice }: FramePlan, result: PackResult): void {
    trimHeap(this.#waiting ? HEAP_OF_GROWN_LEFT_ALONE_BYTES : HEAP_LEFT_ALONE_BYTES);
    const frame = this.frames.length;
    const { bytes, rawSize, sha256 } = result;
    if (rawSize > 0) this.frames.push({ size: bytes.length, rawSize, sha256 });
    // The later slices of a file belong to the entry that its first one made
    if (slice && slice.start > 0) return;
    members.forEach((member, index) => {
      this.#addPacked(member, frame, result.numbers.subarray(index * PackedColumn.width));
    });
  }

  /**
   * The manifest's skippable frame, and how many entries are in it; the end of this book. `reused` is what stands in the
   * frames that this archive grew from, in byte order. Throws as `add`.
   */
  finish(
    head: ManifestHead,
    reused: Iterable<Listed> = [],
  ): { readonly manifest: Uint8Array; readonly entries: number } {
    const waiting = (this.#waiting ?? []).sort((a, b) => compareNames(a.entry.name, b.entry.name));
    let next = 0;
    const writeUpTo = (name: string | undefined) => {
      for (let listed = waiting[next]; listed; listed = waiting[++next]) {
        if (name !== undefined && compareNames(listed.entry.name, name) > 0) return;
        this.#write(listed);
      }
    };
    for (const listed of reused) {
      writeUpTo(listed.entry.name);
      this.rawBytes += listed.entry.size;
      this.#write(listed);
    }
    writeUpTo(undefined);
    return { manifest: this.#writer.finish(head, this.frames), entries: this.#writer.count };
  }

  #addPacked(member: ScannedEntry, frame: number, packed: Float64Array): void {
    const { name, type, linkName, stats } = member;
    const offset = packed[PackedColumn.offset]!;
    if (offset === VANISHED) {
      this.#notes.skipped(member.path, VANISHED_WHILE_SAVED);
      return;
    }
    if (packed[PackedColumn.replaced] === 1) this.#replaced.add(name);
    const size = packed[PackedColumn.size]!;
    this.rawBytes += size;
    const entry: Entry = {
      name,
      type,
      mode: packed[PackedColumn.mode]!,
      mtimeUs: packed[PackedColumn.mtimeUs]!,
      size,
      target: type === EntryType.symlink ? linkName : '',
      linkTo: -1,
      uid: ownerOf(stats.uid),
      gid: ownerOf(stats.gid),
      frame: size > 0 ? frame : -1,
      offset: size > 0 ? offset : 0,
    };
    const listed = { entry, linkName, isLinkable: member.inode !== undefined };
    if (this.#waiting) this.#waiting.push(listed);
    else this.#write(listed);
  }

  #write({ entry, linkName, isLinkable }: Listed): void {
    if (isLinkable) this.#linkable.set(entry.name, this.#writer.count);
    const isLink = entry.type === EntryType.hardLink;
    this.#writer.add(isLink ? { ...entry, linkTo: this.#indexOfFirst(linkName, entry.name) } : entry);
  }

  /** The place of a hard link's first name. It comes before the link in byte order, so it has been written. */
  #indexOfFirst(linkName: string, name: string): number {
    const index = this.#linkable.get(linkName);
    // The data would have stood under the first name, and tar members that point to it are written already
    if (index === undefined) throw new SourceTreeError(`${linkName} vanished, a name of ${name}`);
    // The link would get the other file's data
    if (this.#replaced.has(linkName))
      throw new SourceTreeError(
        `${linkName} was replaced by another file while it was saved, and was a name of ${name}`,
      );
    return index;
  }
}
