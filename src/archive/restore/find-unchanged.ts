import { type Entry, EntryType, parentName } from '../format/entry.ts';
import { lstatExact, statExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import type { RestoredLinks } from '../fs/links/restored-links.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { decodeLinkedFiles, encodeCompareJob, OnDisk } from '../messages/compare-job.ts';
import { forEachAtOnce } from '../pool/in-flight.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import type { PlanOptions } from '../publish/plan/plan-target.ts';
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
  const comparison = new Comparison(entries);
  const batches = comparison.batches(new EntryPaths(layout, restoredLinks, roots));
  await forEachAtOnce(batches, signal, batch => comparison.compare(batch, runner));
  return comparison.finish();
}

/** Entries that one job compares, by their indexes, and their paths. */
interface Batch {
  readonly indexes: number[];
  readonly paths: string[];
}

/** Collects which entries are unchanged. */
class Comparison {
  readonly #entries: readonly Entry[];
  /** By entry: 1 if it is unchanged. Only `finish` considers the directories above it and the other names of a file. */
  readonly #unchanged: Uint8Array;
  /** Directories of the archive that are not directories on the disk. */
  readonly #missing = new Set<string>();
  /** `device:inode` by entry, for files with several names on the disk. */
  readonly #inodes = new Map<number, string>();

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    this.#unchanged = new Uint8Array(entries.length);
  }

  /** Yields the entries to be compared by jobs. Compares the others itself. */
  *batches(paths: EntryPaths): Generator<Batch> {
    let open: Batch = { indexes: [], paths: [] };
    for (const [index, entry] of this.#entries.entries()) {
      const path = paths.of(entry);
      if (typeof path !== 'string') {
        if (path === OnDisk.unchanged) this.#unchanged[index] = 1;
        continue;
      }
      open.indexes.push(index);
      open.paths.push(path);
      if (open.indexes.length < ENTRIES_A_JOB) continue;
      yield open;
      open = { indexes: [], paths: [] };
    }
    if (open.indexes.length > 0) yield open;
  }

  /** Compares entries by a job. Rejects as the runner. */
  async compare({ indexes, paths }: Batch, runner: JobRunner): Promise<void> {
    const compared = indexes.map(index => this.#entries[index]!);
    const { onDisk, inodes } = await runner.run(encodeCompareJob(compared, paths));
    compared.forEach(({ type, name }, at) => {
      if (onDisk[at] === OnDisk.unchanged) this.#unchanged[indexes[at]!] = 1;
      if (onDisk[at] === OnDisk.other && type === EntryType.directory) this.#missing.add(name);
    });
    for (const { index, dev, ino } of decodeLinkedFiles(inodes))
      this.#inodes.set(indexes[index]!, `${dev}:${ino}`);
  }

  /** Returns 1 for each entry that is unchanged, when all batches are compared. */
  finish(): Uint8Array {
    if (this.#missing.size > 0) this.#clearBelowMissing();
    this.#settleHardLinks();
    return this.#unchanged;
  }

  /** Marks entries below a missing directory as changed: their paths may lead through a symlink. */
  #clearBelowMissing(): void {
    this.#entries.forEach(({ name, type }, index) => {
      if (!this.#missing.has(parentName(name))) return;
      this.#unchanged[index] = 0;
      // A directory comes before its content
      if (type === EntryType.directory) this.#missing.add(name);
    });
  }

  /**
   * Decides for all names of a file together: they are unchanged if its first name is, and the others are links to it on the
   * disk. A file that is written again gets a new inode.
   */
  #settleHardLinks(): void {
    const mustRewrite = this.#wronglyJoined();
    this.#entries.forEach(({ linkTo }, index) => {
      if (linkTo < 0) return;
      const inode = this.#inodes.get(index);
      const isLinked = inode !== undefined && inode === this.#inodes.get(linkTo);
      if (isLinked && this.#unchanged[linkTo] === 1) this.#unchanged[index] = 1;
      else mustRewrite.add(linkTo);
    });
    if (mustRewrite.size === 0) return;
    this.#entries.forEach(({ linkTo }, index) => {
      if (mustRewrite.has(index) || mustRewrite.has(linkTo)) this.#unchanged[index] = 0;
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
  readonly #roots: ReadonlySet<Entry>;
  /** Roots that are directories, the innermost last; `path` is undefined if there is no directory on the disk. */
  readonly #above: { readonly name: string; readonly path: string | undefined }[] = [];

  constructor(layout: PathLayout, restoredLinks: RestoredLinks, roots: readonly Entry[]) {
    this.#layout = layout;
    this.#restoredLinks = restoredLinks;
    this.#roots = new Set(roots);
  }

  /** Returns the path of an entry for a worker to compare, or the result for a root that is a directory. */
  of(entry: Entry): string | OnDisk {
    const { name } = entry;
    const isDirectory = entry.type === EntryType.directory;
    if (this.#roots.has(entry)) {
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
