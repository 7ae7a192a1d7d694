import type { Entry } from '../../format/entry.ts';
import type { ShortPaths } from '../staging/short-path.ts';
import type { StagingArea } from '../staging/staging-area.ts';
import type { RemainingStaging } from '../staging/stale-staging.ts';
import type { ExistingDirectory } from './existing-directories.ts';

/** A rename that makes something visible. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** Whether it is a directory that was built in staging, rather than a file or link. */
  readonly isTree: boolean;
  /** Index of the entry; -1 for a directory without one. */
  readonly entry: number;
  readonly parent: ExistingDirectory;
  /** Whether an item of the other kind, a directory or not, is at `to`. The commit moves it into staging. */
  readonly isBlocked: boolean;
}

/** A directory that is built in staging and becomes visible with its tree. */
export interface FreshDirectory {
  readonly path: string;
  /** Index of its entry; -1 if it has none. */
  readonly entry: number;
  /** Index in `fresh` of the plan. */
  readonly index: number;
  /** Index of the fresh directory that contains it; -1 if it has a `Move`. */
  readonly parent: number;
}

/** The changes that a restore will make to the disk. */
export interface TargetPlan {
  /** The archive's entries. Indexes in the plan refer to them. */
  readonly entries: readonly Entry[];
  readonly areas: readonly StagingArea[];
  /** New directories, parents first. */
  readonly fresh: readonly FreshDirectory[];
  readonly existing: readonly ExistingDirectory[];
  moves: readonly Move[];
  readonly staged: StagedPaths;
  readonly shortPaths: ShortPaths;
  readonly remainingStaging: readonly RemainingStaging[];
}

/** Returns the path that an item in staging will have after the commit, or the path itself if it is in no move. */
export function finalPathOf(path: string, { moves, shortPaths }: TargetPlan): string {
  const staged = shortPaths.expand(path);
  const move = moves.find(({ from }) => staged === from || staged.startsWith(`${from}/`));
  return move ? move.to + staged.slice(move.from.length) : path;
}

/** Removes from a plan the files or links that cannot be built. The items at their paths stay. */
export function leaveOut(plan: TargetPlan, entries: ReadonlySet<number>): void {
  if (entries.size === 0) return;
  for (const entry of entries) plan.staged.clear(entry);
  plan.moves = plan.moves.filter(({ isTree, entry }) => isTree || !entries.has(entry));
}

/** Paths of the files that a restore builds. */
export interface StagedFiles {
  readonly paths: StagedPaths;
  /** Whether the file system changes the modes of new files (staging-area.ts). */
  readonly masksModes: boolean;
}

/**
 * Staging paths of a plan. An entry that keeps its own name in staging stores only the path of its directory, which all entries
 * of that directory share. 100,000 full paths would take as much memory as the entries' names (ADR 0011).
 */
export class StagedPaths {
  readonly #entries: readonly Entry[];
  readonly #shortPaths: ShortPaths;
  /** Path for each entry, '' if nothing is built for it. */
  readonly #paths: string[];
  /** 1 for each entry for which `#paths` has the path of its directory. */
  readonly #isInside: Uint8Array;

  constructor(entries: readonly Entry[], shortPaths: ShortPaths) {
    this.#entries = entries;
    this.#shortPaths = shortPaths;
    this.#paths = new Array(entries.length).fill('');
    this.#isInside = new Uint8Array(entries.length);
  }

  set(entry: number, path: string): void {
    this.#paths[entry] = path;
  }

  /** Sets the path of a file or link that is built in `directory` under the last component of its name. */
  setInside(entry: number, directory: string): void {
    this.#paths[entry] = directory;
    this.#isInside[entry] = 1;
  }

  /** Marks an entry as not restored. */
  clear(entry: number): void {
    this.#paths[entry] = '';
    this.#isInside[entry] = 0;
  }

  /** Returns whether the entry is a file or link that is restored. */
  has(entry: number): boolean {
    return this.#paths[entry] !== '';
  }

  /**
   * Returns the path at which a file or link is built, or '' for a directory and for an entry that is not restored. Throws the
   * system's error for a path that is too long and whose directory was removed.
   */
  at(entry: number): string {
    const path = this.#paths[entry]!;
    if (this.#isInside[entry] !== 1) return path;
    const { name } = this.#entries[entry]!;
    return `${this.#shortPaths.shorten(path)}${name.slice(name.lastIndexOf('/'))}`;
  }
}
