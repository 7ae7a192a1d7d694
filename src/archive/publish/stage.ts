/**
 * This folder makes restored files visible, on the main thread, in three steps: a plan (plan/), directories and links in staging
 * (here and in staging/), and a commit of renames (commit/).
 */

import type { Entry } from '../format/entry.ts';
import type { RefusedAttributes } from '../fs/refused-attributes.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { FreshDirectories } from './fresh-directories.ts';
import type { StagedFiles, TargetPlan } from './plan/target-plan.ts';
import type { RemainingStaging } from './staging/stale-staging.ts';

/**
 * The directories of a restore in staging: made before the files, finished after files and links (staged-links.ts).
 * Between `open` and `close` the process's umask is 0, so that files are created with their final mode.
 */
export class Stage {
  readonly #plan: TargetPlan;
  readonly #fresh: FreshDirectories;
  #umask = 0;

  /** Counts what the system refuses in `refused`. */
  constructor(plan: TargetPlan, entries: readonly Entry[], runner: JobRunner, refused: RefusedAttributes) {
    this.#plan = plan;
    this.#fresh = new FreshDirectories(plan, entries, runner, refused);
  }

  /** Makes the staging areas and the directories in them. Throws `TargetTreeError`, `StagedFileError` and the signal's reason. */
  async open(signal?: AbortSignal): Promise<void> {
    this.#umask = process.umask(0);
    for (const area of this.#plan.areas) area.create();
    await this.#fresh.make(this.#umask, signal);
  }

  /** Paths for the files. Call it after `open`. */
  get files(): StagedFiles {
    return { paths: this.#plan.staged, masksModes: this.#plan.areas.some(area => area.masksModes) };
  }

  /** Sets modes, owners and times of the staged directories, deepest first. Top ones stay writable for their rename. */
  async finishDirectories(signal?: AbortSignal): Promise<void> {
    await this.#fresh.finish(signal);
  }

  /** Resets the umask and closes open directories. Paths in staging must not be used after it. */
  close(): void {
    process.umask(this.#umask);
    this.#plan.shortPaths.close();
  }

  /**
   * Removes all staging before a commit: the tree is as it was. Returns what could not be removed. Never throws, because
   * an error is being handled.
   */
  async discard(): Promise<readonly RemainingStaging[]> {
    const remaining: RemainingStaging[] = [];
    for (const area of this.#plan.areas) if (!(await area.tryDiscard())) remaining.push(area.remaining);
    return remaining;
  }
}
