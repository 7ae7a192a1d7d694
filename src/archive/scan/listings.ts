import { encodeListJob, type Listing, readListings } from '../messages/list-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { pathIn } from './read-entry.ts';

/** Maximum number of directories of one job. The worker also reads directories in them. */
const DIRECTORIES_A_JOB = 32;
/** Maximum number of names that wait for the scan: no job begins while there are as many. */
const NAMES_AHEAD = 32 * 1024;

/** Reads directories in workers ahead of a scan: their system calls take as long as all other work of the main thread. */
export class Listings {
  /** Whether the scan reads times in ns and full inode numbers. */
  readonly exact: boolean;
  #runner: JobRunner | undefined;
  /** Directories that the scan will reach, the next one last. A job skips those that are not in `#unread`. */
  readonly #wanted: string[] = [];
  /** Directories that no job reads and that the scan has not reached. */
  readonly #unread = new Set<string>();
  /** The running job of each directory that one reads. */
  readonly #awaited = new Map<string, Promise<void>>();
  /** Listings that the scan has not taken. */
  readonly #found = new Map<string, Listing>();
  #namesAhead = 0;
  #runningJobs = 0;

  constructor({ exact }: { readonly exact: boolean }) {
    this.exact = exact;
  }

  /** Begins to read directories in jobs. Until then the scan reads all of them itself. */
  begin(runner: JobRunner): void {
    this.#runner = runner;
    this.#fill();
  }

  /** Adds directories that the scan reaches next, in this order. */
  want(directories: readonly string[]): void {
    for (const path of directories.toReversed()) {
      if (this.#found.has(path)) continue;
      this.#wanted.push(path);
      this.#unread.add(path);
    }
    this.#fill();
  }

  /**
   * Returns the job that reads this directory; begins one if it is unread. A job may end without reading it: call this again after
   * it. Returns undefined if no job reads the directory.
   */
  ensureJob(directory: string): Promise<void> | undefined {
    if (this.#runner && this.#unread.has(directory)) this.#begin(this.#runner, directory);
    return this.#awaited.get(directory);
  }

  /** Removes the listing of a directory and returns it. Returns undefined if no worker has read the directory. */
  take(directory: string): Listing | undefined {
    this.#unread.delete(directory);
    const listing = this.#found.get(directory);
    if (!listing) return undefined;
    this.#found.delete(directory);
    this.#namesAhead -= listing.names.length;
    this.#fill();
    return listing;
  }

  /** Drops the listings of a directory that the scan does not enter and of all below it: workers enter every directory. */
  drop(directory: string): void {
    const open = [directory];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const listing = this.take(path);
      if (!listing) continue;
      for (const [index, name] of listing.names.entries())
        if (listing.statusOf(index).isDirectory()) open.push(pathIn(path, name));
    }
  }

  #fill(): void {
    const runner = this.#runner;
    if (!runner) return;
    const hasRoom = () => this.#runningJobs < runner.width && this.#namesAhead < NAMES_AHEAD;
    while (this.#unread.size > 0 && hasRoom()) this.#begin(runner);
  }

  /** Begins a job for the next directories, `first` before them. */
  #begin(runner: JobRunner, first?: string): void {
    const directories = first === undefined ? [] : [first];
    if (first !== undefined) this.#unread.delete(first);
    while (directories.length < DIRECTORIES_A_JOB && this.#unread.size > 0) {
      const path = this.#wanted.pop()!;
      if (this.#unread.delete(path)) directories.push(path);
    }
    const job = this.#read(runner, directories);
    for (const path of directories) this.#awaited.set(path, job);
  }

  /** Runs a job. Never rejects: without a listing the scan reads the directory itself. */
  async #read(runner: JobRunner, directories: readonly string[]): Promise<void> {
    this.#runningJobs++;
    try {
      const result = await runner.run(encodeListJob(directories, this.exact));
      for (const [path, listing] of readListings(result)) {
        this.#found.set(path, listing);
        this.#namesAhead += listing.names.length;
      }
      for (const path of directories) this.#awaited.delete(path);
      this.want(directories.slice(result.reached));
    } catch {
      // The pool has failed: the job of the next frame rejects with the reason
      this.#runner = undefined;
      this.#awaited.clear();
    }
    this.#runningJobs--;
    this.#fill();
  }
}
