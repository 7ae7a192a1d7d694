import { type Entry, EntryType, type Frame } from './entry.ts';
import { SourceTreeError } from './errors.ts';
import { PackedColumn, type PackResult, VANISHED } from './jobs.ts';
import { compareNames, printable } from './names.ts';
import { modeOf, ownerOf } from './pack-job.ts';
import type { FramePlan } from './plan-frames.ts';
import { toMicroseconds } from './platform.ts';
import type { ScanNotes, Scanned } from './scan.ts';

/** An entry whose hard link is still a name. */
type Draft = Omit<Entry, 'linkTo' | 'target'> & { readonly linkName: string };

/** Collects what a manifest is made of while a save goes on. */
export class EntryBook {
  readonly frames: Frame[];
  /** Bytes of file data. */
  rawBytes = 0;
  readonly #notes: ScanNotes;
  /** Both in the order of the scan. */
  readonly #packed: Draft[] = [];
  readonly #reused: Draft[] = [];

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

  /** Something that stands in an old frame already: `entry` says where, `scanned` (exact) what it looks like. */
  addReused(scanned: Scanned, entry: Entry): void {
    const { size, frame, offset } = entry;
    const { name, type, linkName, stats } = scanned;
    // What a full save would say; a file system with coarse times has not kept the entry's
    const mtimeUs = size > 0 ? toMicroseconds(stats.exact!.mtimeNs) : scanned.mtimeUs;
    const [mode, uid, gid] = [modeOf(scanned), ownerOf(stats.uid), ownerOf(stats.gid)];
    this.rawBytes += size;
    this.#reused.push({ name, type, linkName, mode, mtimeUs, size, uid, gid, frame, offset });
  }

  /** All entries in byte order. Throws `SourceTreeError` for a hard link whose first name has vanished. */
  entries(): Entry[] {
    const drafts = merge(this.#packed, this.#reused);
    const wanted = new Set(
      drafts.filter(draft => draft.type === EntryType.hardLink).map(draft => draft.linkName),
    );
    const indexes = new Map<string, number>();
    if (wanted.size > 0) {
      drafts.forEach(({ name, type }, index) => {
        if (type === EntryType.file && wanted.has(name)) indexes.set(name, index);
      });
    }
    return drafts.map(({ linkName, ...draft }) => ({
      ...draft,
      target: draft.type === EntryType.symlink ? linkName : '',
      linkTo: draft.type === EntryType.hardLink ? firstName(indexes, draft.name, linkName) : -1,
    }));
  }

  #addPacked(member: Scanned, frame: number, packed: Float64Array): void {
    const { name, type, linkName, stats } = member;
    const offset = packed[PackedColumn.offset]!;
    if (offset === VANISHED) {
      this.#notes.leftOut(member.path, 'it vanished while it was saved');
      return;
    }
    const size = packed[PackedColumn.size]!;
    this.rawBytes += size;
    this.#packed.push({
      name,
      type,
      linkName,
      mode: packed[PackedColumn.mode]!,
      mtimeUs: packed[PackedColumn.mtimeUs]!,
      size,
      uid: ownerOf(stats.uid),
      gid: ownerOf(stats.gid),
      frame: size > 0 ? frame : -1,
      offset: size > 0 ? offset : 0,
    });
  }
}

function firstName(indexes: ReadonlyMap<string, number>, name: string, linkName: string): number {
  const index = indexes.get(linkName);
  // The data would have stood under the first name, and tar members that point to it are written already
  if (index === undefined)
    throw new SourceTreeError(`${printable(linkName)} vanished, a name of ${printable(name)}`);
  return index;
}

/** Two lists in byte order as one. */
function merge(a: readonly Draft[], b: readonly Draft[]): Draft[] {
  const merged: Draft[] = [];
  let next = 0;
  for (const draft of a) {
    while (next < b.length && compareNames(b[next]!.name, draft.name) < 0) merged.push(b[next++]!);
    merged.push(draft);
  }
  return merged.concat(b.slice(next));
}
