import { mkdirSync } from 'node:fs';
import type { Entry } from '../format/entry.ts';
import { setAttributes } from '../fs/attributes.ts';
import { fsPath } from '../fs/paths/names.ts';
import type { RefusedAttributes } from '../fs/refused-attributes.ts';
import { wrapStagedError } from '../fs/tree-errors.ts';
import { type DirectoryJob, encodeDirectoryJob, type JobDirectory } from '../messages/directory-job.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { forEachInTurns, takeTurn } from '../turns.ts';
import type { TargetPlan } from './plan/target-plan.ts';
import { isLongDirectory } from './staging/short-path.ts';

/** Bits of a directory's mode that this process needs to fill it. Its final mode may lack them. */
const FILL_MODE = 0o700;
/** The bit of a directory's mode without which only root reaches its content. */
const SEARCH_MODE = 0o100;
/** Directories of one job. Fewer are made on this thread. */
const DIRECTORIES_A_JOB = 512;

const NO_ATTRIBUTES = { mtimeUs: 0, mtimeRestNs: 0, uid: -1, gid: -1 };

/** The directories of a plan that are built in staging, by jobs of a runner if there are many. */
export class FreshDirectories {
  readonly #plan: TargetPlan;
  readonly #entries: readonly Entry[];
  readonly #runner: JobRunner;
  readonly #refused: RefusedAttributes;
  /** Whether jobs are worth their message. A path that is too long for the system needs handles of this thread. */
  readonly #usesJobs: boolean;

  /** Counts what the system refuses in `refused`. */
  constructor(plan: TargetPlan, entries: readonly Entry[], runner: JobRunner, refused: RefusedAttributes) {
    this.#plan = plan;
    this.#entries = entries;
    this.#runner = runner;
    this.#refused = refused;
    const { fresh } = plan;
    this.#usesJobs = fresh.length > DIRECTORIES_A_JOB && !fresh.some(({ path }) => isLongDirectory(path));
  }

  /** Makes them, parents first. `umask` is for those that the archive does not hold. Throws `StagedFileError` and the signal's reason. */
  async make(umask: number, signal: AbortSignal | undefined): Promise<void> {
    const isHere = this.#usesJobs ? this.#parentsOfOtherJobs() : undefined;
    await forEachInTurns(this.#plan.fresh, signal, ({ path }, index) => {
      if (isHere?.[index] === 0) return;
      const { madeMode } = this.#directory(index, umask);
      wrapStagedError(path, () => mkdirSync(fsPath(this.#shorten(path)), madeMode));
    });
    if (isHere) await this.#run('make', index => isHere[index] === 0, umask, signal);
  }

  /**
   * Sets modes, owners and times of those in the archive, when they have their content. Top ones stay writable for their
   * rename. Throws `StagedFileError` and the signal's reason.
   */
  async finish(signal: AbortSignal | undefined): Promise<void> {
    const { fresh, areas } = this.#plan;
    const isInArchive = (index: number) => fresh[index]!.entry >= 0;
    // A directory that cannot be searched any more comes after its content
    const isReachable = (index: number) =>
      (this.#directory(index, 0).attributes.mode & SEARCH_MODE) !== 0 || fresh[index]!.parent < 0;
    const isInJob = (index: number) => this.#usesJobs && isReachable(index);
    if (this.#usesJobs) await this.#run('finish', index => isInArchive(index) && isInJob(index), 0, signal);
    const masksModes = areas.some(area => area.masksModes);
    await forEachInTurns(fresh.toReversed(), signal, ({ path }, reversed) => {
      const index = fresh.length - 1 - reversed;
      if (!isInArchive(index) || isInJob(index)) return;
      const { madeMode, attributes } = this.#directory(index, 0);
      const made = { mode: masksModes ? undefined : madeMode };
      wrapStagedError(path, () => setAttributes(this.#shorten(path), attributes, this.#refused, made));
    });
  }

  /**
   * Marks the directories in which those of a later job are made: they have to exist before the jobs, which run at the same
   * time.
   */
  #parentsOfOtherJobs(): Uint8Array {
    const { fresh } = this.#plan;
    const marks = new Uint8Array(fresh.length);
    const jobOf = (index: number) => Math.floor(index / DIRECTORIES_A_JOB);
    fresh.forEach(({ parent }, index) => {
      if (parent < 0 || jobOf(parent) === jobOf(index)) return;
      for (let at = parent; at >= 0 && marks[at] === 0; at = fresh[at]!.parent) marks[at] = 1;
    });
    return marks;
  }

  async #run(
    step: DirectoryJob['step'],
    isInJob: (index: number) => boolean,
    umask: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { fresh, areas } = this.#plan;
    const masksModes = areas.some(area => area.masksModes);
    const jobs: Promise<void>[] = [];
    for (let start = 0; start < fresh.length; start += DIRECTORIES_A_JOB) {
      const directories: JobDirectory[] = [];
      const end = Math.min(start + DIRECTORIES_A_JOB, fresh.length);
      for (let index = start; index < end; index++)
        if (isInJob(index)) directories.push(this.#directory(index, umask));
      const done = this.#runner.run(encodeDirectoryJob(step, directories, masksModes));
      const counted = done.then(({ refused }) => this.#refused.add(refused));
      // It is awaited below, unless this loop ends early
      counted.catch(() => {});
      jobs.push(counted);
      await takeTurn(signal);
    }
    await Promise.all(jobs);
  }

  #directory(index: number, umask: number): JobDirectory {
    const { path, entry, parent } = this.#plan.fresh[index]!;
    if (entry < 0) {
      const mode = 0o777 & ~umask;
      return { path, madeMode: mode, attributes: { ...NO_ATTRIBUTES, mode } };
    }
    const { mode, mtimeUs, mtimeRestNs, uid, gid } = this.#entries[entry]!;
    const madeMode = mode | FILL_MODE;
    return {
      path,
      madeMode,
      attributes: { mode: parent < 0 ? madeMode : mode, mtimeUs, mtimeRestNs, uid, gid },
    };
  }

  /** Returns a path for a directory in staging that the system takes, however deep it is. */
  #shorten(directory: string): string {
    const slash = directory.lastIndexOf('/');
    return this.#plan.shortPaths.shorten(directory.slice(0, slash)) + directory.slice(slash);
  }
}
