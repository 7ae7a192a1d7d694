import { type Entry, EntryType, type Manifest, parentName } from './entry.ts';
import { modeOf, ownerOf } from './pack-job.ts';
import type { Scanned } from './scan.ts';
import type { StatusRows } from './status-rows.ts';

/** An archive that a save may grow from: what is unchanged is taken over inside the store. */
export interface Base {
  readonly manifest: Manifest;
  readonly rows: StatusRows;
}

/** How an archive's data region is used, in bytes of the object. */
export interface RegionUsage {
  readonly regionBytes: number;
  /** What no entry uses any more; an estimate, because frames are compressed as a whole. */
  readonly deadBytes: number;
}

export interface Division extends RegionUsage {
  /** Unchanged things, with the entry of the base where their data stands. */
  readonly reused: readonly { readonly scanned: Scanned; readonly entry: Entry }[];
  /** Changed and new ones: to be packed. */
  readonly changed: readonly Scanned[];
  /** Stored names of directories that stand in the base's frames and are none any more. */
  readonly deadDirectories: readonly string[];
  /** Something else stands where the base has a directory: tar could not put it there. */
  readonly blocked: boolean;
}

/** A region smaller than this cannot be copied: S3's smallest part, in bytes. */
export const MIN_REGION_BYTES = 5 * 1024 * 1024;
/** The share of dead bytes from which on a full save is the better one. */
const MOST_DEAD = 0.25;

/** Whether growing from the base is worth it, and gives an archive that tar reads. */
export function isWorthReusing({ regionBytes, deadBytes, blocked }: Division): boolean {
  return regionBytes >= MIN_REGION_BYTES && deadBytes <= MOST_DEAD * regionBytes && !blocked;
}

/** Tells what a scan (with `exact` status) found unchanged since the base was restored. */
export function divide(scanned: readonly Scanned[], base: Base): Division {
  const entryOf = unchangedEntries(scanned, base);
  const reused: { scanned: Scanned; entry: Entry }[] = [];
  const changed: Scanned[] = [];
  scanned.forEach((found, index) => {
    const entry = entryOf[index];
    if (!entry) {
      changed.push(found);
      return;
    }
    reused.push({ scanned: found, entry });
  });
  const usage = regionUsage(
    base.manifest,
    reused.map(({ entry }) => entry),
  );
  return { reused, changed, ...usage, ...deadDirectories(scanned, base.manifest) };
}

/** For each thing found, its entry in the base where it is as it was restored. */
function unchangedEntries(scanned: readonly Scanned[], base: Base): (Entry | undefined)[] {
  const { entries } = base.manifest;
  const indexes = new Map(entries.map((entry, index) => [entry.name, index]));
  const unchangedNames = new Set<string>();
  const touched = new Set<string>();
  const found = scanned.map(thing => {
    const index = indexes.get(thing.name);
    if (index !== undefined && isUnchanged(thing, index, base, unchangedNames)) {
      unchangedNames.add(thing.name);
      return entries[index];
    }
    touched.add(parentName(thing.name));
    return undefined;
  });
  // What tar writes into a directory moves the directory's time: its own entry has to come again before that
  return found.map((entry, index) => (touched.has(scanned[index]!.name) ? undefined : entry));
}

function isUnchanged(found: Scanned, index: number, base: Base, unchanged: ReadonlySet<string>): boolean {
  const entry = base.manifest.entries[index]!;
  if (entry.type !== found.type) return false;
  if (found.dataBytes > 0) return entry.size > 0 && base.rows.matches(index, found.stats.exact!);
  if (found.type === EntryType.symlink && entry.target !== found.linkName) return false;
  if (found.type === EntryType.hardLink) {
    // Where the first name is packed again, so is this one: a plain tar reader would link to the older data
    return base.manifest.entries[entry.linkTo]!.name === found.linkName && unchanged.has(found.linkName);
  }
  // Nothing but what the manifest says itself
  return (
    entry.size === 0 &&
    entry.mode === modeOf(found) &&
    entry.mtimeUs === found.mtimeUs &&
    entry.uid === ownerOf(found.stats.uid) &&
    entry.gid === ownerOf(found.stats.gid)
  );
}

/** Bytes of tar that an entry's header takes: nearly always one of these two. */
function headerBytes({ name, mtimeUs }: Entry): number {
  return mtimeUs % 1e6 === 0 && name.length <= 100 ? 512 : 1536;
}

/** How much of an archive's frames these of its entries use. */
export function regionUsage(manifest: Manifest, entries: Iterable<Entry>): RegionUsage {
  const live = new LiveBytes(manifest);
  for (const entry of entries) live.add(entry);
  return live.result();
}

class LiveBytes {
  readonly #frames: Manifest['frames'];
  /** Raw bytes in use by frame: data, padding and its header. */
  readonly #live: Float64Array;
  /** Headers of entries without data: which frames they are in is known to nobody. */
  #headers = 0;

  constructor({ frames }: Manifest) {
    this.#frames = frames;
    this.#live = new Float64Array(frames.length);
  }

  add(entry: Entry): void {
    const header = headerBytes(entry);
    if (entry.size === 0) {
      this.#headers += header;
      return;
    }
    let { frame, offset } = entry;
    this.#live[frame]! += header;
    for (let left = entry.size; left > 0; frame++) {
      const take = Math.min(left, this.#frames[frame]!.rawSize - offset);
      this.#live[frame]! += Math.ceil(take / 512) * 512;
      left -= take;
      offset = 0;
    }
  }

  /** Compressed bytes: a frame's dead raw bytes count by its ratio. */
  result(): RegionUsage {
    let regionBytes = 0;
    let dead = 0;
    let deadRaw = 0;
    this.#frames.forEach(({ size, rawSize }, index) => {
      const unused = Math.max(0, rawSize - this.#live[index]!);
      regionBytes += size;
      dead += size * (unused / rawSize);
      deadRaw += unused;
    });
    const share = deadRaw > 0 ? Math.max(0, deadRaw - this.#headers) / deadRaw : 0;
    return { regionBytes, deadBytes: dead * share };
  }
}

/**
 * A tar reader makes every directory that ever stood in the frames, with what was in it, and cannot put a file where
 * one of them is. So an archive remembers those that its tree does not have any more.
 */
function deadDirectories(
  scanned: readonly Scanned[],
  { head, entries }: Manifest,
): Pick<Division, 'deadDirectories' | 'blocked'> {
  const dead = new Set(head.deadDirectories);
  for (const { name, type } of entries) if (type === EntryType.directory) dead.add(name);
  for (const { name, type } of scanned) if (type === EntryType.directory) dead.delete(name);
  const blocked = dead.size > 0 && scanned.some(({ name }) => dead.has(`${name}/`));
  return { deadDirectories: [...dead], blocked };
}
