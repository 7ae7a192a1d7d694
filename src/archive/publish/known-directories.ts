import { type BigIntStats, chmodSync, lstatSync, statSync } from 'node:fs';
import { TargetTreeError } from '../archive-errors.ts';
import type { Entry } from '../format/entry.ts';
import { isRealDirectory, realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { fsPath } from '../fs/names.ts';
import { applyAttributes, attributesIn } from './directory-attributes.ts';
import type { ExistingDirectory } from './found-directories.ts';
import type { TargetPlan } from './target-plan.ts';

/** The directories that a restore finds and goes on with, as they are right before its commit. */
export class KnownDirectories {
  readonly #directories: readonly ExistingDirectory[];
  readonly #before = new Map<ExistingDirectory, BigIntStats>();

  /** All but those that are as they should be and that nothing is done in. */
  constructor({ existing, moves, displaced, areas }: TargetPlan) {
    const touched = new Set([...moves, ...displaced].map(({ parent }) => parent));
    const stagedIn = new Set(areas.map(area => area.parent));
    this.#directories = existing.filter(
      directory => !directory.settled || touched.has(directory) || stagedIn.has(directory.path),
    );
  }

  /** Between the plan and now another process may have put a link where a directory was. Throws `TargetTreeError`. */
  recheck(): void {
    for (const directory of this.#directories) {
      const look = directory.followed ? statSync : lstatSync;
      const stats = look(fsPath(directory.path), { bigint: true, throwIfNoEntry: false });
      if (!stats?.isDirectory())
        throw new TargetTreeError(`${directory.path} was a directory and is none any more`);
      this.#before.set(directory, stats);
    }
  }

  /**
   * Throws `TargetTreeError` where the way to a directory leads elsewhere than at `recheck`: through a link, which this
   * restore itself may have published, alone or in a tree, if its archive holds one place under two names.
   */
  requireSame(directory: ExistingDirectory): void {
    // Another job may have renamed its own directory over an empty one
    if (this.#isUnmoved(directory) || ignoreErrors(() => realPathOf(directory.path)) === directory.realPath)
      return;
    throw new TargetTreeError(`${directory.path} is not the directory any more that it was`);
  }

  /** After all is published: what the archive says of each, deepest first. */
  finish(entries: readonly Entry[]): void {
    for (const { path, entry, mode, followed } of this.#directories.toReversed()) {
      ignoreErrors(() => {
        if (!followed && !isRealDirectory(path)) return;
        if (entry >= 0) applyAttributes(path, entries[entry]!);
        else chmodIfChanged(path, mode);
      });
    }
  }

  /** After a failure: the times of those of `paths`, in which in the end nothing has changed. */
  giveTimesBack(paths: readonly string[]): void {
    for (const [directory, stats] of this.#before) {
      if (paths.includes(directory.path))
        ignoreErrors(
          () => this.#isUnmoved(directory) && applyAttributes(directory.path, attributesIn(stats)),
        );
    }
  }

  /** After a failure: the modes of those that had to be made writable. */
  giveModesBack(): void {
    for (const directory of this.#before.keys())
      ignoreErrors(() => this.#isUnmoved(directory) && chmodIfChanged(directory.path, directory.mode));
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
