import { setImmediate } from 'node:timers/promises';
import { type Entry, EntryType, type Manifest, parentName } from './entry.ts';
import { compareNames } from './names.ts';
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

/** Something unchanged: its entry, with the data where it stands in the base. */
export interface Reused {
  /** `linkTo` is not known yet. */
  readonly entry: Entry;
  /** A hard link's first name, a symlink's target, else ''. */
  readonly linkName: string;
}

export interface Division extends RegionUsage {
  readonly reused: readonly Reused[];
  /** Changed and new things: to be packed. */
  readonly changed: readonly Scanned[];
  /** Stored names of directories that stand in the base's frames and are none any more. */
  readonly deadDirectories: readonly string[];
  /** Something else stands where the base has a directory: tar could not put it there. */
  readonly blocked: boolean;
}

/** A region smaller than this cannot be copied: S3's smallest part, in bytes. */
const MIN_REGION_BYTES = 5 * 1024 * 1024;
/** The share of dead bytes from which on a full save is the better one. */
const MOST_DEAD = 0.25;
/** Some ms of a scan. In between, requests are sent and answered, and a signal is heard. */
const ENTRIES_A_TURN = 500;

/** Whether growing from the base is worth it, and gives an archive that tar reads. */
export function isWorthReusing({
  regionBytes,
  deadBytes,
  blocked,
}: RegionUsage & Pick<Division, 'blocked'>): boolean {
  return regionBytes >= MIN_REGION_BYTES && deadBytes <= MOST_DEAD * regionBytes && !blocked;
}

/**
 * Tells what a scan (with `exact` status, in byte order) finds unchanged since the base was restored. Keeps as little of
 * what is unchanged as can be: memory that lives on, for 100,000 files, costs a second of garbage collection.
 * Throws what the scan throws, and the signal's reason.
 */
export async function divide(
  scanned: Iterable<Scanned>,
  base: Base,
  signal?: AbortSignal,
): Promise<Division> {
  const { verdicts, touched } = await compare(scanned, base, signal);
  const reused: Reused[] = [];
  const changed: Scanned[] = [];
  for (const { reused: unchanged, scanned: found } of verdicts) {
    // What tar writes into a directory moves the directory's time: its own entry has to come again before that
    const again = found && touched.has(found.name);
    if (unchanged && !again) reused.push(unchanged);
    else changed.push(found!);
  }
  const usage = regionUsage(
    base.manifest,
    reused.map(({ entry }) => entry),
  );
  return { reused, changed, ...usage, ...deadDirectories(verdicts, base.manifest) };
}

/** One of the two is there; both for an unchanged directory. */
interface Verdict {
  readonly reused: Reused | undefined;
  readonly scanned: Scanned | undefined;
}

interface Comparison {
  /** In the order of the scan. */
  readonly verdicts: readonly Verdict[];
  /** Directories that something changed or new stands in. */
  readonly touched: ReadonlySet<string>;
}

async function compare(
  scanned: Iterable<Scanned>,
  base: Base,
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  const { entries } = base.manifest;
  const verdicts: Verdict[] = [];
  const firstNames = new Set<string>();
  const touched = new Set<string>();
  let at = 0;
  let seen = 0;
  for (const found of scanned) {
    if (++seen % ENTRIES_A_TURN === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    // Both are in the same order
    while (at < entries.length && compareNames(entries[at]!.name, found.name) < 0) at++;
    const entry = entries[at]?.name === found.name ? entries[at++] : undefined;
    if (entry === undefined || !isUnchanged(found, at - 1, base, firstNames)) {
      touched.add(parentName(found.name));
      verdicts.push({ reused: undefined, scanned: found });
      continue;
    }
    if (found.type === EntryType.file && found.stats.nlink > 1) firstNames.add(entry.name);
    const isDirectory = found.type === EntryType.directory;
    verdicts.push({ reused: reuse(found, entry), scanned: isDirectory ? found : undefined });
  }
  return { verdicts, touched };
}

/** What a full save would say of it: a file system with coarse times has not kept all that the base says. */
function reuse(found: Scanned, old: Entry): Reused {
  const { mtimeUs, stats, linkName } = found;
  const [mode, uid, gid] = [modeOf(found), ownerOf(stats.uid), ownerOf(stats.gid)];
  const isSame = old.mtimeUs === mtimeUs && old.mode === mode && old.uid === uid && old.gid === gid;
  // Nearly always, and then it is no new object to be collected
  if (isSame && old.linkTo < 0) return { entry: old, linkName };
  return { entry: { ...old, mode, mtimeUs, linkTo: -1, uid, gid }, linkName };
}

function isUnchanged(found: Scanned, index: number, base: Base, firstNames: ReadonlySet<string>): boolean {
  const entry = base.manifest.entries[index]!;
  if (entry.type !== found.type) return false;
  if (found.dataBytes > 0) return entry.size > 0 && base.rows.matches(index, found.stats.exact!);
  if (found.type === EntryType.symlink && entry.target !== found.linkName) return false;
  if (found.type === EntryType.hardLink) {
    // Where the first name is packed again, so is this one: a plain tar reader would link to the older data
    return base.manifest.entries[entry.linkTo]!.name === found.linkName && firstNames.has(found.linkName);
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
  verdicts: readonly Verdict[],
  { head, entries }: Manifest,
): Pick<Division, 'deadDirectories' | 'blocked'> {
  const dead = new Set(head.deadDirectories);
  for (const { name, type } of entries) if (type === EntryType.directory) dead.add(name);
  for (const { scanned } of verdicts) if (scanned?.type === EntryType.directory) dead.delete(scanned.name);
  // What is unchanged is not where a directory was
  const blocked = dead.size > 0 && verdicts.some(({ scanned }) => scanned && dead.has(`${scanned.name}/`));
  return { deadDirectories: [...dead], blocked };
}
