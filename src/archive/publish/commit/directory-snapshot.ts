import { type BigIntStats, chmodSync, lstatSync, statSync } from 'node:fs';
import { TargetTreeError } from '../../archive-errors.ts';
import { attributesIn, setAttributes } from '../../fs/attributes.ts';
import { isRealDirectory, realPathOf } from '../../fs/file-status.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import { fsPath } from '../../fs/paths/names.ts';
import type { RefusedAttributes } from '../../fs/refused-attributes.ts';
import { showPath } from '../../fs/tree-errors.ts';
import { forEachInTurns } from '../../turns.ts';
import type { ExistingDirectory } from '../plan/existing-directories.ts';
import type { TargetPlan } from '../plan/target-plan.ts';

/** Status of the existing directories of a restore, right before its commit. */
export class DirectorySnapshot {
  readonly #directories: readonly ExistingDirectory[];
  readonly #before = new Map<ExistingDirectory, BigIntStats>();

  /** Leaves out the unchanged directories that contain neither staging nor the target of a move. */
  constructor({ existing, moves, areas }: TargetPlan) {
    const touched = new Set(moves.map(({ parent }) => parent));
    const stagedIn = new Set(areas.map(area => area.parent));
    this.#directories = existing.filter(
      directory => !directory.isUnchanged || touched.has(directory) || stagedIn.has(directory.path),
    );
  }

  /**
   * Reads the status of each directory. Throws `TargetTreeError` if something else is at the path of one, and the signal's
   * reason.
   */
  async take(signal: AbortSignal): Promise<void> {
    await forEachInTurns(this.#directories, signal, directory => {
      const status = directory.isFollowed ? statSync : lstatSync;
      const stats = status(fsPath(directory.path), { bigint: true, throwIfNoEntry: false });
      if (!stats?.isDirectory())
        throw new TargetTreeError(`${showPath(directory.path)} is no longer a directory`);
      this.#before.set(directory, stats);
    });
  }

  /**
   * Throws `TargetTreeError` if the path of a directory leads to another directory than at `take`, through a new link. This
   * restore itself may have published the link, if its archive has one directory under two names.
   */
  requireUnmoved(directory: ExistingDirectory): void {
    // Another job may have renamed its directory over this one while it was empty: the path is right
    if (this.#isUnmoved(directory) || ignoreErrors(() => realPathOf(directory.path)) === directory.realPath)
      return;
    throw new TargetTreeError(
      `${showPath(directory.path)} was replaced by another directory during the restore`,
    );
  }

  /** Sets the attributes of the archive, deepest first, after all is published. Counts in `refused` those that are refused. */
  async applyFinalAttributes({ entries }: TargetPlan, refused: RefusedAttributes): Promise<void> {
    await forEachInTurns(this.#directories.toReversed(), undefined, ({ path, entry, mode, isFollowed }) => {
      ignoreErrors(() => {
        if (!isFollowed && !isRealDirectory(path)) return;
        if (entry >= 0) setAttributes(path, entries[entry]!, refused);
        else chmodIfChanged(path, mode);
      });
    });
  }

  /** Resets the times of the directories at `paths`, for a failed commit that has changed nothing in them. */
  async resetTimes(paths: ReadonlySet<string>): Promise<void> {
    await forEachInTurns([...this.#before], undefined, ([directory, stats]) => {
      if (paths.has(directory.path))
        ignoreErrors(() => this.#isUnmoved(directory) && setAttributes(directory.path, attributesIn(stats)));
    });
  }

  /** Resets the modes of the directories that were made writable, for a failed commit. */
  async resetModes(): Promise<void> {
    await forEachInTurns([...this.#before.keys()], undefined, directory => {
      ignoreErrors(() => this.#isUnmoved(directory) && chmodIfChanged(directory.path, directory.mode));
    });
  }

  #isUnmoved(directory: ExistingDirectory): boolean {
    const before = this.#before.get(directory)!;
    const now = statSync(fsPath(directory.path), { bigint: true, throwIfNoEntry: false });
    return now?.ino === before.ino && now.dev === before.dev;
  }
}

function chmodIfChanged(path: string, mode: number): void {
  if ((statSync(fsPath(path)).mode & 0o7777) !== mode) chmodSync(fsPath(path), mode);
}
