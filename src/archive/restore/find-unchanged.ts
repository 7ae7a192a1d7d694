import { type Entry, EntryType, parentName } from '../format/entry.ts';
import { lstatExact, statExact } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { encodeCompareJob, OnDisk } from '../messages/compare-job.ts';
import { forEachAtOnce } from '../pool/in-flight.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import type { PlanOptions } from '../publish/plan/plan-target.ts';
import { hasAttributes } from '../worker/compare-entries.ts';

/** Entries that a worker compares in one job. */
const ENTRIES_A_JOB = 4096;

/**
 * Returns 1 for each entry that is unchanged on the disk by type, size, mode, owner, target and mtime, else 0. All names of one
 * file are unchanged or none is. All files of the archive that are one file on the disk count as changed. For a directory only its
 * attributes count, not its content. An entry whose path cannot be read counts as changed: the restore reports the reason if it
 * cannot write it either.
 *
 * `roots` are the entries that are in no directory of the archive (`validate`). Throws the signal's reason.
 */
export async function findUnchanged(
  entries: readonly Entry[],
  roots: readonly Entry[],
  options: ComparisonOptions & Pick<PlanOptions, 'signal'>,
  runner: JobRunner,
): Promise<Uint8Array> {
  const comparison = new Comparison(entries, roots, options);
  await forEachAtOnce(comparison.batches(), options.signal, batch => comparison.compare(batch, runner));
  return comparison.finish();
}

type ComparisonOptions = Pick<PlanOptions, 'layout' | 'restoredLinks'>;

/** Entries that one job compares, by their indexes, and their paths. */
interface Batch {
  readonly indexes: number[];
  readonly paths: string[];
}

/** Collects which entries are unchanged. */
class Comparison {
  readonly #entries: readonly Entry[];
  readonly #roots: ReadonlySet<Entry>;
  readonly #options: ComparisonOptions;
  /** Roots that are directories, the innermost last. `path` is undefined if the root is not a directory on the disk. */
  readonly #above: { readonly name: string; readonly path: string | undefined }[] = [];
  /** Flags by entry, 1 for an unchanged one. Only `finish` considers the directories above it and the other names of a file. */
  readonly #unchanged: Uint8Array;
  /** Directories of the archive that are not directories on the disk. */
  readonly #missing = new Set<string>();
  /** `device:inode` by entry, for files with several names on the disk. */
  readonly #inodes = new Map<number, string>();

  constructor(entries: readonly Entry[], roots: readonly Entry[], options: ComparisonOptions) {
    this.#entries = entries;
    this.#roots = new Set(roots);
    this.#options = options;
    this.#unchanged = new Uint8Array(entries.length);
  }

  /** Yields the entries to be compared by jobs. Compares the others itself. */
  *batches(): Generator<Batch> {
    let batch: Batch = { indexes: [], paths: [] };
    for (const [index, entry] of this.#entries.entries()) {
      const path = this.#pathOf(entry, index);
      if (path === undefined) continue;
      batch.indexes.push(index);
      batch.paths.push(path);
      if (batch.indexes.length < ENTRIES_A_JOB) continue;
      yield batch;
      batch = { indexes: [], paths: [] };
    }
    if (batch.indexes.length > 0) yield batch;
  }

  /** Returns the path of an entry for a job. Returns undefined for a root that is a directory, after it has compared it. */
  #pathOf(entry: Entry, index: number): string | undefined {
    const { name } = entry;
    const isDirectory = entry.type === EntryType.directory;
    if (this.#roots.has(entry)) {
      const path = this.#options.layout.toAbsolute(name);
      if (isDirectory) this.#compareRoot(entry, index, path);
      return isDirectory ? undefined : path;
    }
    while (!name.startsWith(this.#above.at(-1)!.name)) this.#above.pop();
    const root = this.#above.at(-1)!;
    return root.path && `${root.path}/${name.slice(root.name.length, isDirectory ? -1 : undefined)}`;
  }

  /** Follows the same symlinks as the plan (publish/plan/plan-target.ts). */
  #compareRoot(entry: Entry, index: number, path: string): void {
    const { layout, restoredLinks } = this.#options;
    const isFollowed = layout.followsLink(path) && restoredLinks.onTheWayTo(path) === undefined;
    const stats = ignoreErrors(() => (isFollowed ? statExact : lstatExact)(path));
    const exists = stats?.isDirectory() ?? false;
    this.#above.push({ name: entry.name, path: exists ? path : undefined });
    if (exists && hasAttributes(entry, stats!)) this.#unchanged[index] = 1;
  }

  /** Compares entries in a worker. Rejects as the runner does. */
  async compare({ indexes, paths }: Batch, runner: JobRunner): Promise<void> {
    const compared = indexes.map(index => this.#entries[index]!);
    const { onDisk, inodes } = await runner.run(encodeCompareJob(compared, paths));
    compared.forEach(({ type, name }, at) => {
      if (onDisk[at] === OnDisk.unchanged) this.#unchanged[indexes[at]!] = 1;
      if (onDisk[at] === OnDisk.other && type === EntryType.directory) this.#missing.add(name);
    });
    for (const [at, inode] of inodes.split('\0').entries())
      if (inode !== '') this.#inodes.set(indexes[at]!, inode);
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
      // A directory precedes its content
      if (type === EntryType.directory) this.#missing.add(name);
    });
  }

  /**
   * Decides for all names of a file together, because a file that is written again gets a new inode. They are unchanged if the
   * first name is, and the others are links to it on the disk.
   */
  #settleHardLinks(): void {
    const mustRewrite = this.#findWronglyJoined();
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
  #findWronglyJoined(): Set<number> {
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
