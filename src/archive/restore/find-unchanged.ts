import { unlessAborted } from '../../retry/signals.ts';
import { type Entry, EntryType, parentName } from '../format/entry.ts';
import { lstatExact, statExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { RestoredLinks } from '../fs/links/restored-links.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { type CompareResult, decodeLinkedFiles, encodeCompareJob, OnDisk } from '../messages/compare-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import type { PlanOptions } from '../publish/plan/plan-target.ts';
import { takeTurn } from '../turns.ts';
import { hasAttributes } from '../worker/compare-entries.ts';

/** Entries that a worker compares in one job. */
const ENTRIES_A_JOB = 4096;

/**
 * Returns 1 for each entry that is unchanged on the disk by type, size, mode, owner, target and mtime,
 * else 0. All names of one file are unchanged or none is, and the same holds for files that are one on the disk and
 * several in the archive. For a directory only its own attributes count, not its content. An entry whose path cannot
 * be read is not unchanged: the restore reports the reason if it cannot write it either.
 *
 * `roots` are the entries that are in no directory of the archive (`validate`). Throws the signal's reason.
 */
export async function findUnchanged(
  entries: readonly Entry[],
  roots: readonly Entry[],
  { layout, restoredLinks, signal }: Pick<PlanOptions, 'layout' | 'restoredLinks' | 'signal'>,
  runner: JobRunner,
): Promise<Uint8Array> {
  const unchanged = new Uint8Array(entries.length);
  const inodes = new Inodes(entries);
  /** Directories of the archive that are not directories on the disk. */
  const missing = new Set<string>();
  const jobs: Promise<void>[] = [];
  const dispatch = ({ indexes, paths }: Batch) => {
    const job = encodeCompareJob(
      indexes.map(index => entries[index]!),
      paths,
    );
    const compared = runner.run(job).then(result => take(result, indexes));
    // All of them are awaited below
    compared.catch(() => {});
    jobs.push(compared);
  };
  const take = (result: CompareResult, indexes: readonly number[]) => {
    indexes.forEach((index, at) => {
      const onDisk = result.onDisk[at]!;
      if (onDisk === OnDisk.unchanged) unchanged[index] = 1;
      const { type, name } = entries[index]!;
      if (onDisk === OnDisk.other && type === EntryType.directory) missing.add(name);
    });
    for (const { index, dev, ino } of decodeLinkedFiles(result.inodes)) {
      inodes.add(indexes[index]!, `${dev}:${ino}`);
    }
  };

  const paths = new EntryPaths(layout, restoredLinks, roots);
  let open: Batch = { indexes: [], paths: [] };
  for (const [index, entry] of entries.entries()) {
    const path = paths.of(entry);
    if (typeof path !== 'string') {
      if (path === OnDisk.unchanged) unchanged[index] = 1;
      continue;
    }
    open.indexes.push(index);
    open.paths.push(path);
    if (open.indexes.length < ENTRIES_A_JOB) continue;
    dispatch(open);
    open = { indexes: [], paths: [] };
    // This thread must receive a worker's results to give it the next jobs
    await takeTurn(signal);
  }
  if (open.indexes.length > 0) dispatch(open);
  const compared = Promise.all(jobs);
  await unlessAborted(compared, signal);
  clearBelow(missing, entries, unchanged);
  inodes.clearSplit(unchanged);
  return unchanged;
}

/** Marks entries below a missing directory as changed: their paths may lead through a symlink. */
function clearBelow(missing: Set<string>, entries: readonly Entry[], unchanged: Uint8Array): void {
  if (missing.size === 0) return;
  entries.forEach(({ name, type }, index) => {
    if (!missing.has(parentName(name))) return;
    unchanged[index] = 0;
    // A directory comes before its content
    if (type === EntryType.directory) missing.add(name);
  });
}

/** Indexes of the entries that one job compares, and their paths. */
interface Batch {
  readonly indexes: number[];
  readonly paths: string[];
}

/** Finds entries that are one file on the disk. */
class Inodes {
  readonly #entries: readonly Entry[];
  /** `device:inode` by entry, for files with several names on the disk. */
  readonly #inodes = new Map<number, string>();

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  add(entry: number, inode: string): void {
    this.#inodes.set(entry, inode);
  }

  /** Marks all names of a file as changed if one is. A file that is written again gets a new inode. */
  clearSplit(unchanged: Uint8Array): void {
    const mustRewrite = this.#wronglyJoined();
    this.#entries.forEach(({ linkTo }, index) => {
      if (linkTo < 0) return;
      const inode = this.#inodes.get(index);
      const isLinked = inode !== undefined && inode === this.#inodes.get(linkTo);
      if (isLinked && unchanged[linkTo] === 1) unchanged[index] = 1;
      else mustRewrite.add(linkTo);
    });
    if (mustRewrite.size === 0) return;
    this.#entries.forEach(({ linkTo }, index) => {
      if (mustRewrite.has(index) || mustRewrite.has(linkTo)) unchanged[index] = 0;
    });
  }

  /** Returns files that are one on the disk, but several in the archive. */
  #wronglyJoined(): Set<number> {
    const found = new Set<number>();
    const byInode = new Map<string, number>();
    for (const [entry, inode] of this.#inodes) {
      if (this.#entries[entry]!.type === EntryType.hardLink) continue;
      const other = byInode.get(inode);
      if (other === undefined) byInode.set(inode, entry);
      else found.add(other).add(entry);
    }
    return found;
  }
}

/** Returns the paths of entries, in their order, below their roots. */
class EntryPaths {
  readonly #layout: PathLayout;
  readonly #restoredLinks: RestoredLinks;
  readonly #roots: Iterator<Entry, undefined>;
  #next: Entry | undefined;
  /** Roots that are directories, the innermost last; `path` is undefined if there is no directory on the disk. */
  readonly #above: { readonly name: string; readonly path: string | undefined }[] = [];

  constructor(layout: PathLayout, restoredLinks: RestoredLinks, roots: readonly Entry[]) {
    this.#layout = layout;
    this.#restoredLinks = restoredLinks;
    this.#roots = roots.values();
    this.#next = this.#roots.next().value;
  }

  /** Returns the path of an entry for a worker to compare, or the result for a root that is a directory. */
  of(entry: Entry): string | OnDisk {
    const { name } = entry;
    const isDirectory = entry.type === EntryType.directory;
    if (entry === this.#next) {
      this.#next = this.#roots.next().value;
      const path = this.#layout.toAbsolute(name);
      return isDirectory ? this.#compareRoot(entry, path) : path;
    }
    while (!name.startsWith(this.#above.at(-1)!.name)) this.#above.pop();
    const root = this.#above.at(-1)!;
    if (root.path === undefined) return OnDisk.other;
    return `${root.path}/${name.slice(root.name.length, isDirectory ? -1 : undefined)}`;
  }

  /** Follows the same symlinks as the plan (publish/plan/plan-target.ts). */
  #compareRoot(entry: Entry, path: string): OnDisk {
    const isFollowed = this.#layout.followsLink(path) && this.#restoredLinks.onTheWayTo(path) === undefined;
    const stats = ignoreErrors(() => (isFollowed ? statExact : lstatExact)(path));
    const exists = stats?.isDirectory() ?? false;
    this.#above.push({ name: entry.name, path: exists ? path : undefined });
    return exists && hasAttributes(entry, stats!) ? OnDisk.unchanged : OnDisk.other;
  }
}
