import { type Entry, EntryType, type Manifest } from './entry.ts';
import { modeOf, ownerOf } from './pack-job.ts';
import type { Scanned } from './scan.ts';
import type { StatusRows } from './status-rows.ts';

/** An archive that a save may grow from: what is unchanged is taken over inside the store. */
export interface Base {
  readonly manifest: Manifest;
  readonly rows: StatusRows;
}

export interface Division {
  /** Unchanged things, with the entry of the base where their data stands. */
  readonly reused: readonly { readonly scanned: Scanned; readonly entry: Entry }[];
  /** Changed and new ones: to be packed. */
  readonly changed: readonly Scanned[];
  /** Bytes of the base's data region, and how many of them no entry would use any more. */
  readonly regionBytes: number;
  readonly deadBytes: number;
}

/** A region smaller than this cannot be copied: S3's smallest part, in bytes. */
const MIN_REGION_BYTES = 5 * 1024 * 1024;
/** The share of dead bytes from which on a full save is the better one. */
const MOST_DEAD = 0.25;

/** Whether growing from the base is worth it. */
export function isWorthReusing({ regionBytes, deadBytes }: Division): boolean {
  return regionBytes >= MIN_REGION_BYTES && deadBytes <= MOST_DEAD * regionBytes;
}

/** Tells what a scan (with `exact` status) found unchanged since the base was restored. */
export function divide(scanned: Iterable<Scanned>, base: Base): Division {
  const { entries, frames } = base.manifest;
  const indexes = new Map(entries.map((entry, index) => [entry.name, index]));
  const reusedNames = new Set<string>();
  const reused: { scanned: Scanned; entry: Entry }[] = [];
  const changed: Scanned[] = [];
  const live = new Float64Array(frames.length);
  for (const found of scanned) {
    const index = indexes.get(found.name);
    if (index === undefined || !isUnchanged(found, index, base, reusedNames)) {
      changed.push(found);
      continue;
    }
    const entry = entries[index]!;
    reusedNames.add(found.name);
    reused.push({ scanned: found, entry });
    if (entry.size > 0) addLive(live, entry, base.manifest);
  }
  const regionBytes = frames.reduce((sum, frame) => sum + frame.size, 0);
  const liveBytes = frames.reduce(
    (sum, frame, index) => sum + frame.size * Math.min(1, live[index]! / frame.rawSize),
    0,
  );
  return { reused, changed, regionBytes, deadBytes: regionBytes - liveBytes };
}

function isUnchanged(found: Scanned, index: number, base: Base, reusedNames: ReadonlySet<string>): boolean {
  const entry = base.manifest.entries[index]!;
  if (entry.type !== found.type) return false;
  if (found.dataBytes > 0) return base.rows.matches(index, found.stats.exact!);
  if (found.type === EntryType.symlink && entry.target !== found.linkName) return false;
  if (found.type === EntryType.hardLink) {
    // Where the first name is packed again, so is this one: a plain tar reader would link to the older data
    return base.manifest.entries[entry.linkTo]!.name === found.linkName && reusedNames.has(found.linkName);
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

/** Raw bytes that are used in each frame: data, padding and the header, which mostly takes three blocks. */
function addLive(live: Float64Array, entry: Entry, { frames }: Manifest): void {
  const header = entry.mtimeUs % 1e6 === 0 ? 512 : 1536;
  let { frame, offset } = entry;
  live[frame]! += header;
  for (let left = entry.size; left > 0; frame++) {
    const take = Math.min(left, frames[frame]!.rawSize - offset);
    live[frame]! += Math.ceil(take / 512) * 512;
    left -= take;
    offset = 0;
  }
}
