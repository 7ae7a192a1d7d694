import { type Entry, EntryType, type Frame } from './entry.ts';
import { SourceTreeError } from './errors.ts';
import { PackedColumn, type PackResult, VANISHED } from './jobs.ts';
import { trimHeap } from './memory.ts';
import { compareNames, printable } from './names.ts';
import { ownerOf } from './pack-job.ts';
import type { FramePlan } from './plan-frames.ts';
import type { Reused } from './reuse.ts';
import { type ScanNotes, type Scanned, VANISHED_WHILE_SAVED } from './scan.ts';

const ENTRIES_A_TRIM = 10_000;

/** Collects what a manifest is made of while a save goes on. */
export class EntryBook {
  readonly frames: Frame[];
  /** Bytes of file data. */
  rawBytes = 0;
  readonly #notes: ScanNotes;
  /** Both in the order of the scan. */
  readonly #packed: Entry[] = [];
  readonly #reused: Entry[] = [];
  /** The first names that hard links stand for, by the link's own name, until `entries` knows their place. */
  readonly #firstNames = new Map<string, string>();
  /** Files with several names that became others between scan and reading. */
  readonly #replaced = new Set<string>();

  /** `frames` are those of the archive that this one grows from. */
  constructor(notes: ScanNotes, frames: readonly Frame[]) {
    this.#notes = notes;
    this.frames = [...frames];
  }

  /** The next frame, as a worker returned it. One whose members have all vanished is empty, and no frame. */
  add({ members, slice }: FramePlan, result: PackResult): void {
    const frame = this.frames.length;
    const { bytes, rawSize, sha256 } = result;
    if (rawSize > 0) this.frames.push({ size: bytes.length, rawSize, sha256 });
    // The later slices of a file belong to the entry that its first one made
    if (slice && slice.start > 0) return;
    members.forEach((member, index) => {
      this.#addPacked(member, frame, result.numbers.subarray(index * PackedColumn.width));
    });
  }

  /** Something that stands in an old frame already. */
  addReused({ entry, linkName }: Reused): void {
    this.rawBytes += entry.size;
    if (entry.type === EntryType.hardLink) this.#firstNames.set(entry.name, linkName);
    this.#reused.push(entry);
  }

  /** All entries in byte order. Throws `SourceTreeError` for a hard link whose first name has vanished or become another file. */
  entries(): Entry[] {
    const entries = this.#reused.length > 0 ? merge(this.#packed, this.#reused) : this.#packed;
    if (this.#firstNames.size === 0) return entries;
    const wanted = new Set(this.#firstNames.values());
    const indexes = new Map<string, number>();
    return entries.map((entry, index) => {
      if (entry.type === EntryType.file && wanted.has(entry.name)) indexes.set(entry.name, index);
      if (entry.type !== EntryType.hardLink) return entry;
      return { ...entry, linkTo: this.#indexOfFirst(indexes, entry.name) };
    });
  }

  #indexOfFirst(indexes: ReadonlyMap<string, number>, name: string): number {
    const linkName = this.#firstNames.get(name)!;
    const index = indexes.get(linkName);
    // The data would have stood under the first name, and tar members that point to it are written already
    if (index === undefined)
      throw new SourceTreeError(`${printable(linkName)} vanished, a name of ${printable(name)}`);
    // The link would get the other file's data
    if (this.#replaced.has(linkName))
      throw new SourceTreeError(
        `${printable(linkName)} was replaced by another file while it was saved, and was a name of ${printable(name)}`,
      );
    return index;
  }

  #addPacked(member: Scanned, frame: number, packed: Float64Array): void {
    const offset = packed[PackedColumn.offset]!;
    if (offset === VANISHED) {
      this.#notes.leftOut(member.path, VANISHED_WHILE_SAVED);
      return;
    }
    if (packed[PackedColumn.replaced] === 1) this.#replaced.add(member.name);
    if (this.#packed.length % ENTRIES_A_TRIM === 0) trimHeap();
    const size = packed[PackedColumn.size]!;
    const [mode, mtimeUs] = [packed[PackedColumn.mode]!, packed[PackedColumn.mtimeUs]!];
    const place = size > 0 ? { frame, offset } : { frame: -1, offset: 0 };
    this.#packed.push(this.#entry(member, { mode, mtimeUs, size, ...place }));
  }

  #entry(
    { name, type, linkName, stats }: Scanned,
    { mode, mtimeUs, size, frame, offset }: Pick<Entry, 'mode' | 'mtimeUs' | 'size' | 'frame' | 'offset'>,
  ): Entry {
    this.rawBytes += size;
    if (type === EntryType.hardLink) this.#firstNames.set(name, linkName);
    return {
      name,
      type,
      mode,
      mtimeUs,
      size,
      target: type === EntryType.symlink ? linkName : '',
      linkTo: -1,
      uid: ownerOf(stats.uid),
      gid: ownerOf(stats.gid),
      frame,
      offset,
    };
  }
}

/** Two lists in byte order as one. */
function merge(a: readonly Entry[], b: readonly Entry[]): Entry[] {
  const merged: Entry[] = [];
  let next = 0;
  for (const entry of a) {
    while (next < b.length && compareNames(b[next]!.name, entry.name) < 0) merged.push(b[next++]!);
    merged.push(entry);
  }
  return merged.concat(b.slice(next));
}
