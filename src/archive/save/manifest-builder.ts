import { type Entry, EntryType, type Frame, type ManifestHead } from '../format/entry.ts';
import { ManifestWriter } from '../format/manifest/manifest-writer.ts';
import { compareNames } from '../fs/paths/names.ts';
import { trimHeap } from '../memory/heap.ts';
import {
  type FramePlan,
  type Omission,
  type Packed,
  type PackResult,
  readPacked,
  type ScannedEntry,
  type SliceOfFile,
} from '../messages/pack-job.ts';
import type { SaveNotices } from '../scan/save-notices.ts';
import { VANISHED } from '../scan/saved-links.ts';

const MIB = 1024 * 1024;

/** Size of the heap above which a full save trims it: little of it is in use after the scan, and V8 does not collect the rest. */
const TRIM_HEAP_ABOVE_BYTES = 128 * MIB;
/** The same limit for a large process: a save may take 600 MB in all (ADR 0011). */
const TRIM_HEAP_IF_LARGE_ABOVE_BYTES = 40 * MIB;
/**
 * Size of the heap above which an incremental save trims it. A collection frees less there, because the base's entries are in use,
 * and its 0.4 s (for 111,000 entries) are long in comparison with the little that is packed.
 */
const TRIM_INCREMENTAL_HEAP_ABOVE_BYTES = 384 * MIB;

/** Reason to skip a file. A network file system that fails may show the same: its file must not be saved cut or padded. */
const SHORT = 'shorter than its size, as files in /sys are';

/** An entry to write to a manifest. */
export interface ManifestEntry {
  /** The entry. Its `linkTo` is set when it is written. */
  readonly entry: Entry;
  /** The first name of a hard link. It is not used for other types. */
  readonly linkName: string;
  /** Whether other entries may be hard links to it. */
  readonly isLinkable: boolean;
}

/** The manifest's skippable frame, and the number of its entries. */
export interface FinishedManifest {
  readonly manifest: Uint8Array;
  readonly entries: number;
}

/**
 * Builds a manifest during a save. The entries of a full save are encoded at once. The entries of an incremental save wait for
 * their places among the reused ones, which are known at the end.
 */
export class ManifestBuilder {
  readonly frames: Frame[];
  /** Bytes of file data. */
  rawBytes = 0;
  readonly #notices: SaveNotices;
  readonly #writer = new ManifestWriter();
  /** Packed entries of an incremental save. */
  readonly #waiting: ManifestEntry[] | undefined;
  /** Index in the manifest of each file with several names, by its first name. */
  readonly #linkable = new Map<string, number>();

  /** The large file whose slices are being added: its first frame and slice, and the reason of the first missing slice. */
  #large: { readonly frame: number; readonly first: Packed | Omission; omission?: Omission } | undefined;

  /** @param frames the base's, in an incremental save. */
  constructor(notices: SaveNotices, frames?: readonly Frame[]) {
    this.#notices = notices;
    this.frames = [...(frames ?? [])];
    this.#waiting = frames && [];
  }

  /**
   * Adds the next frame, as a worker returned it. Returns false for a frame to leave out: all its members have vanished. Its hard
   * links must have a first name with data in the archive (lost-first-names.ts).
   * Throws `SourceTreeError`, here or at the end, for more entries than an archive can have.
   */
  add({ members, slice }: FramePlan, result: PackResult): boolean {
    if (this.#waiting) trimHeap(TRIM_INCREMENTAL_HEAP_ABOVE_BYTES);
    else trimHeap(TRIM_HEAP_ABOVE_BYTES, TRIM_HEAP_IF_LARGE_ABOVE_BYTES);
    const frame = this.frames.length;
    if (slice) return this.#addSlice(members[0]!, slice, result);
    members.forEach((member, index) => {
      this.#addMember(member, frame, readPacked(result.packed, index));
    });
    return this.#addFrame(result);
  }

  /** Adds a slice, and with the last one the entry of the file, unless a slice is missing. */
  #addSlice(member: ScannedEntry, { start, end }: SliceOfFile, result: PackResult): boolean {
    const packed = readPacked(result.packed, 0);
    if (start === 0) this.#large = { frame: this.frames.length, first: packed };
    const large = this.#large!;
    if (typeof packed === 'string') large.omission ??= packed;
    if (end === member.size) this.#addMember(member, large.frame, large.omission ?? large.first);
    // Without the header, which is in the first slice, tar would not read this slice as data
    return typeof large.first !== 'string' && this.#addFrame(result);
  }

  #addFrame({ bytes, rawSize, sha256 }: PackResult): boolean {
    if (rawSize > 0) this.frames.push({ size: bytes.length, rawSize, sha256 });
    return rawSize > 0;
  }

  /**
   * Ends the manifest; the builder cannot be used afterwards. `reused` are the entries whose data is in the base's frames, in byte
   * order. Throws as `add` does.
   */
  finish(head: ManifestHead, reused: Iterable<ManifestEntry> = []): FinishedManifest {
    const waiting = (this.#waiting ?? []).sort((a, b) => compareNames(a.entry.name, b.entry.name));
    let next = 0;
    const writeUpTo = (name: string | undefined) => {
      for (let packed = waiting[next]; packed; packed = waiting[++next]) {
        if (name !== undefined && compareNames(packed.entry.name, name) > 0) return;
        this.#write(packed);
      }
    };
    for (const old of reused) {
      writeUpTo(old.entry.name);
      this.rawBytes += old.entry.size;
      this.#write(old);
    }
    writeUpTo(undefined);
    return { manifest: this.#writer.finish(head, this.frames), entries: this.#writer.count };
  }

  #addMember(member: ScannedEntry, frame: number, packed: Packed | Omission): void {
    const { name, type, linkName, uid, gid } = member;
    if (typeof packed === 'string') {
      this.#notices.addSkipped(member.path, packed === 'short' ? SHORT : VANISHED);
      return;
    }
    const { offset, size, mode, mtimeUs, mtimeRestNs } = packed;
    this.rawBytes += size;
    const entry: Entry = {
      name,
      type,
      mode,
      mtimeUs,
      mtimeRestNs,
      size,
      target: type === EntryType.symlink ? linkName : '',
      linkTo: -1,
      uid,
      gid,
      frame: size > 0 ? frame : -1,
      offset: size > 0 ? offset : 0,
    };
    const pending = { entry, linkName, isLinkable: member.inode !== undefined };
    if (this.#waiting) this.#waiting.push(pending);
    else this.#write(pending);
  }

  #write({ entry, linkName, isLinkable }: ManifestEntry): void {
    if (isLinkable) this.#linkable.set(entry.name, this.#writer.count);
    // A first name is before its links in byte order, so it is written already
    const linkTo = entry.type === EntryType.hardLink ? this.#linkable.get(linkName)! : -1;
    this.#writer.add(linkTo < 0 ? entry : { ...entry, linkTo });
  }
}
