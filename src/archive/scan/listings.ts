import { encodeListJob, type Listing, readListings } from '../messages/list-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { pathIn } from './read-entry.ts';

/** Directories of one job. The worker also reads directories in them. */
const DIRECTORIES_A_JOB = 32;
/** Names that wait for the scan, above which no job is begun. */
const NAMES_AHEAD = 32 * 1024;

/** Lets workers read directories ahead of a scan: the calls for a file take the main thread as long as all other work on it. */
export class Listings {
  /** Whether the scan reads times in ns and full inode numbers. */
  readonly exact: boolean;
  #runner: JobRunner | undefined;
  /** Directories that the scan will come to, the next one last. Those that are not in `#unread` any more are left out. */
  readonly #wanted: string[] = [];
  /** Directories that no job reads and that the scan has not come to. */
  readonly #unread = new Set<string>();
  /** The job that reads each of them. */
  readonly #awaited = new Map<string, Promise<void>>();
  readonly #found = new Map<string, Listing>();
  #names = 0;
  #jobs = 0;

  constructor(exact: boolean) {
    this.exact = exact;
  }

  /** Begins. Before that the scan reads all directories itself. */
  begin(runner: JobRunner): void {
    this.#runner = runner;
    this.#fill();
  }

  /** Adds directories that the scan comes to next, in this order. */
  want(directories: readonly string[]): void {
    for (const path of directories.toReversed()) {
      if (this.#found.has(path)) continue;
      this.#wanted.push(path);
      this.#unread.add(path);
    }
    this.#fill();
  }

  /**
   * Returns the job in which a worker reads this directory. After it another one may, or none. Returns undefined if no worker is
   * to read it any more.
   */
  jobOf(directory: string): Promise<void> | undefined {
    if (this.#runner && this.#unread.has(directory)) this.#begin(this.#runner, directory);
    return this.#awaited.get(directory);
  }

  /** Returns the items of a directory, once. Returns undefined if no worker has read it. */
  take(directory: string): Listing | undefined {
    this.#unread.delete(directory);
    const listing = this.#found.get(directory);
    if (!listing) return undefined;
    this.#found.delete(directory);
    this.#names -= listing.names.length;
    this.#fill();
    return listing;
  }

  /** Drops the listings of a directory that the scan does not enter and of all below it: workers enter every directory. */
  drop(directory: string): void {
    const open = [directory];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const listing = this.#found.get(path);
      if (!listing) continue;
      this.#found.delete(path);
      this.#names -= listing.names.length;
      for (const [index, name] of listing.names.entries())
        if (listing.statusOf(index).isDirectory()) open.push(pathIn(path, name));
    }
    this.#fill();
  }

  #fill(): void {
    const runner = this.#runner;
    if (!runner) return;
    const hasRoom = () => this.#jobs < runner.width && this.#names < NAMES_AHEAD;
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

  /** Never rejects: without a listing the scan reads the directory itself. */
  async #read(runner: JobRunner, directories: readonly string[]): Promise<void> {
    this.#jobs++;
    try {
      const result = await runner.run(encodeListJob(directories, this.exact));
      for (const [path, listing] of readListings(result)) {
        this.#found.set(path, listing);
        this.#names += listing.names.length;
      }
      for (const path of directories) this.#awaited.delete(path);
      this.want(directories.slice(result.reached));
    } catch {
      // The pool has failed, which the next frame reports
      this.#runner = undefined;
      this.#awaited.clear();
    }
    this.#jobs--;
    this.#fill();
  }
}
