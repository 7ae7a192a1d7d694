import { setImmediate } from 'node:timers/promises';
import { type Entry, EntryType, parentName } from '../format/entry.ts';
import { lstatExact, statExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { PathLayout } from '../fs/layout.ts';
import { type CompareResult, decodeLinkedFiles, encodeCompareJob, OnDisk } from '../messages/compare-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { hasAttributes } from '../worker/compare-entries.ts';

/** Entries that a worker compares in one job. */
const ENTRIES_A_JOB = 4096;

/**
 * Which entries are on the disk already as the archive has them, as far as type, size, mode, owner, target and mtime
 * (in microseconds) tell: 1 for each. The names of one file are current together or not at all, and so are files that
 * are one on the disk and several in the archive. A directory is current by itself, whatever is in it.
 * What cannot be looked at is not current: the restore says why when it cannot write it either.
 *
 * `roots` are the entries that stand in no other one (`validate`).
 */
export async function findUnchanged(
  entries: readonly Entry[],
  roots: readonly Entry[],
  layout: PathLayout,
  runner: JobRunner,
): Promise<Uint8Array> {
  const current = new Uint8Array(entries.length);
  const inodes = new Inodes(entries);
  /** Directories of the archive that are none on the disk. */
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
      if (onDisk === OnDisk.current) current[index] = 1;
      const { type, name } = entries[index]!;
      if (onDisk === OnDisk.other && type === EntryType.directory) missing.add(name);
    });
    for (const { index, dev, ino } of decodeLinkedFiles(result.inodes)) {
      inodes.add(indexes[index]!, `${dev}:${ino}`);
    }
  };

  const paths = new EntryPaths(layout, roots);
  let open: Batch = { indexes: [], paths: [] };
  for (const [index, entry] of entries.entries()) {
    const path = paths.of(entry);
    if (typeof path !== 'string') {
      if (path === OnDisk.current) current[index] = 1;
      continue;
    }
    open.indexes.push(index);
    open.paths.push(path);
    if (open.indexes.length < ENTRIES_A_JOB) continue;
    dispatch(open);
    open = { indexes: [], paths: [] };
    // A worker that has ended its jobs gets the next ones when this thread hears of it
    await setImmediate();
  }
  if (open.indexes.length > 0) dispatch(open);
  await Promise.all(jobs);
  forgetBelow(missing, entries, current);
  inodes.judge(current);
  return current;
}

/** What stands below something else than a directory, a symlink to one say, is none of ours. */
function forgetBelow(missing: Set<string>, entries: readonly Entry[], current: Uint8Array): void {
  if (missing.size === 0) return;
  entries.forEach(({ name, type }, index) => {
    if (!missing.has(parentName(name))) return;
    current[index] = 0;
    // A directory comes before what is in it
    if (type === EntryType.directory) missing.add(name);
  });
}

/** Indexes of the entries that one job compares, and their paths. */
interface Batch {
  readonly indexes: number[];
  readonly paths: string[];
}

/** Which entries are one file on the disk. */
class Inodes {
  readonly #entries: readonly Entry[];
  /** Of entries with several names on the disk. */
  readonly #inodes = new Map<number, string>();

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  add(entry: number, inode: string): void {
    this.#inodes.set(entry, inode);
  }

  /** A file that is written again gets a new inode: all of its names must be made anew, and so must it for any of them. */
  judge(current: Uint8Array): void {
    const spoilt = this.#several();
    this.#entries.forEach(({ linkTo }, index) => {
      if (linkTo < 0) return;
      const inode = this.#inodes.get(index);
      const isLinked = inode !== undefined && inode === this.#inodes.get(linkTo);
      if (isLinked && current[linkTo] === 1) current[index] = 1;
      else spoilt.add(linkTo);
    });
    if (spoilt.size === 0) return;
    this.#entries.forEach(({ linkTo }, index) => {
      if (spoilt.has(index) || spoilt.has(linkTo)) current[index] = 0;
    });
  }

  /** Files that are one on the disk, but several in the archive. */
  #several(): Set<number> {
    const found = new Set<number>();
    const byInode = new Map<string, number>();
    for (const [entry, inode] of this.#inodes) {
      if (this.#entries[entry]!.type !== EntryType.file) continue;
      const other = byInode.get(inode);
      if (other === undefined) byInode.set(inode, entry);
      else found.add(other).add(entry);
    }
    return found;
  }
}

/** Where entries are, in their order: below the roots that they stand in. */
class EntryPaths {
  readonly #layout: PathLayout;
  readonly #roots: Iterator<Entry, undefined>;
  #next: Entry | undefined;
  /** Roots that are directories, the innermost last; without a path: it is none on the disk. */
  readonly #above: { readonly name: string; readonly path: string | undefined }[] = [];

  constructor(layout: PathLayout, roots: readonly Entry[]) {
    this.#layout = layout;
    this.#roots = roots.values();
    this.#next = this.#roots.next().value;
  }

  /** Where an entry has to be, for a worker to look; or what is there, of roots that are directories. */
  of(entry: Entry): string | OnDisk {
    const { name } = entry;
    const isDirectory = entry.type === EntryType.directory;
    if (entry === this.#next) {
      this.#next = this.#roots.next().value;
      const path = this.#layout.toAbsolute(name);
      return isDirectory ? this.#lookAtRoot(entry, path) : path;
    }
    while (!name.startsWith(this.#above.at(-1)!.name)) this.#above.pop();
    const root = this.#above.at(-1)!;
    if (root.path === undefined) return OnDisk.other;
    return `${root.path}/${name.slice(root.name.length, isDirectory ? -1 : undefined)}`;
  }

  /** As the publication sees a root (publish/target-plan.ts): some are symlinks that the restore follows. */
  #lookAtRoot(entry: Entry, path: string): OnDisk {
    const stats = ignoreErrors(() => (this.#layout.followsLink(path) ? statExact : lstatExact)(path));
    const stands = stats?.isDirectory() ?? false;
    this.#above.push({ name: entry.name, path: stands ? path : undefined });
    return stands && hasAttributes(entry, stats!) ? OnDisk.current : OnDisk.other;
  }
}
