/**
 * This folder makes restored files visible, on the main thread. There are three steps: a plan (plan/), directories and links in
 * staging (here and in staging/), and a commit of renames (commit/).
 */

import { mkdirSync } from 'node:fs';
import { setAttributes } from '../fs/attributes.ts';
import { fsPath } from '../fs/paths/names.ts';
import type { RefusedAttributes } from '../fs/refused-attributes.ts';
import { wrapStagedError } from '../fs/tree-errors.ts';
import { type DirectoryJob, encodeDirectoryJob, type JobDirectory } from '../messages/directory-job.ts';
import { forEachAtOnce } from '../pool/in-flight.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { forEachInTurns } from '../turns.ts';
import type { StagedFiles, TargetPlan } from './plan/target-plan.ts';
import { isLongDirectory } from './staging/short-path.ts';
import type { RemainingStaging } from './staging/stale-staging.ts';

/** Bits of a directory's mode that this process needs to fill it. Its final mode may lack them. */
const FILL_MODE = 0o700;
/** The bit of a directory's mode without which only root reaches its content. */
const SEARCH_MODE = 0o100;
/** Maximum number of directories of one job. If there are no more, they are made on this thread. */
const DIRECTORIES_A_JOB = 512;

/**
 * The directories of a restore in staging. They are made before the files, and finished after files and links (staged-links.ts), by
 * jobs if there are many. Between `open` and `close` the umask is 0, so that files are created with their final mode.
 */
export class Stage {
  readonly #plan: TargetPlan;
  readonly #runner: JobRunner;
  readonly #refused: RefusedAttributes;
  /** Whether there are enough directories for jobs. A path that is too long for the system needs handles of this thread. */
  readonly #usesJobs: boolean;
  #umask = 0;

  /** Counts in `refused` the attributes that the system refuses. */
  constructor(plan: TargetPlan, runner: JobRunner, refused: RefusedAttributes) {
    this.#plan = plan;
    this.#runner = runner;
    this.#refused = refused;
    const { fresh } = plan;
    this.#usesJobs = fresh.length > DIRECTORIES_A_JOB && !fresh.some(({ path }) => isLongDirectory(path));
  }

  /** Makes the staging areas and the directories in them. Throws `TargetTreeError`, `StagedFileError` and the signal's reason. */
  async open(signal?: AbortSignal): Promise<void> {
    this.#umask = process.umask(0);
    for (const area of this.#plan.areas) area.create();
    const isMadeHere = this.#usesJobs ? this.#markParentsOfOtherJobs() : undefined;
    await forEachInTurns(this.#plan.fresh, signal, ({ path }, index) => {
      if (isMadeHere?.[index] === 0) return;
      const { madeMode } = this.#directory(index);
      wrapStagedError(path, () => mkdirSync(fsPath(this.#shorten(path)), madeMode));
    });
    if (isMadeHere) await this.#run('make', index => isMadeHere[index] === 0, signal);
  }

  /** Paths for the files. Read it after `open`, which finds `masksModes`. */
  get files(): StagedFiles {
    return { paths: this.#plan.staged, masksModes: this.#plan.areas.some(area => area.masksModes) };
  }

  /**
   * Sets modes, owners and times of the directories that have an entry. Call it when they have their content. Directories that
   * the commit renames stay writable until then. Throws `StagedFileError` and the signal's reason.
   */
  async finishDirectories(signal?: AbortSignal): Promise<void> {
    const { fresh } = this.#plan;
    // Without the right to search a directory, the directories in it could not be finished, so it is finished after them
    const isSearchable = (index: number) => (this.#directory(index).attributes.mode & SEARCH_MODE) !== 0;
    const isInJob = (index: number) => this.#usesJobs && fresh[index]!.entry >= 0 && isSearchable(index);
    if (this.#usesJobs) await this.#run('finish', isInJob, signal);
    const { masksModes } = this.files;
    const others = [...fresh.keys()].filter(index => fresh[index]!.entry >= 0 && !isInJob(index));
    await forEachInTurns(others.reverse(), signal, index => {
      const { path, madeMode, attributes } = this.#directory(index);
      const made = { knownMode: masksModes ? undefined : madeMode };
      wrapStagedError(path, () => setAttributes(this.#shorten(path), attributes, this.#refused, made));
    });
  }

  /** Resets the umask and closes open directories. Paths in staging must not be used after it. */
  close(): void {
    process.umask(this.#umask);
    this.#plan.shortPaths.close();
  }

  /**
   * Removes all staging in place of a commit. Returns the staging that could not be removed. Never throws, because the caller
   * handles an error.
   */
  async discard(): Promise<readonly RemainingStaging[]> {
    const remaining: RemainingStaging[] = [];
    for (const area of this.#plan.areas) remaining.push(...(await area.tryDiscard()));
    return remaining;
  }

  /**
   * Marks the directories with directories of another job in or below them: they must exist before the jobs begin, because jobs
   * run at the same time.
   */
  #markParentsOfOtherJobs(): Uint8Array {
    const { fresh } = this.#plan;
    const marks = new Uint8Array(fresh.length);
    const jobOf = (index: number) => Math.floor(index / DIRECTORIES_A_JOB);
    fresh.forEach(({ parent }, index) => {
      if (parent < 0 || jobOf(parent) === jobOf(index)) return;
      for (let at = parent; at >= 0 && marks[at] === 0; at = fresh[at]!.parent) marks[at] = 1;
    });
    return marks;
  }

  /** Runs jobs for the directories that `isInJob` selects. Throws `StagedFileError` and the signal's reason. */
  #run(
    step: DirectoryJob['step'],
    isInJob: (index: number) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { masksModes } = this.files;
    return forEachAtOnce(this.#jobs(isInJob), signal, async directories => {
      const { refused } = await this.#runner.run(encodeDirectoryJob(step, directories, masksModes));
      this.#refused.add(refused);
    });
  }

  *#jobs(isInJob: (index: number) => boolean): Generator<readonly JobDirectory[]> {
    const indexes = [...this.#plan.fresh.keys()];
    for (let start = 0; start < indexes.length; start += DIRECTORIES_A_JOB) {
      const inJob = indexes.slice(start, start + DIRECTORIES_A_JOB).filter(isInJob);
      if (inJob.length > 0) yield inJob.map(index => this.#directory(index));
    }
  }

  #directory(index: number): JobDirectory {
    const { path, entry, parent } = this.#plan.fresh[index]!;
    if (entry < 0) {
      const mode = 0o777 & ~this.#umask;
      // Only `madeMode` is used: a directory without an entry is not finished
      return { path, madeMode: mode, attributes: { mode, mtimeUs: 0, mtimeRestNs: 0, uid: -1, gid: -1 } };
    }
    const attributes = this.#plan.entries[entry]!;
    const madeMode = attributes.mode | FILL_MODE;
    return { path, madeMode, attributes: parent < 0 ? { ...attributes, mode: madeMode } : attributes };
  }

  /** Returns a path of a directory in staging that is short enough for the system. */
  #shorten(directory: string): string {
    const slash = directory.lastIndexOf('/');
    return this.#plan.shortPaths.shorten(directory.slice(0, slash)) + directory.slice(slash);
  }
}
