import type { Entry } from '../format/entry.ts';
import type { ShortPaths } from './short-path.ts';

/** The staging path of each entry; '' for an existing directory and for an entry that is not restored. */
export interface StagedPaths {
  /** Throws the system's error for a path that is too long and whose directory does not exist any more. */
  at(entry: number): string | undefined;
  /** Returns whether the entry is a file or link that is restored. */
  has(entry: number): boolean;
}

/** Where files are built. */
export interface StagedFiles {
  readonly paths: StagedPaths;
  /** Files there get less of a mode than is requested (staging.ts). */
  readonly masksModes: boolean;
}

/**
 * Staging paths of a plan. An entry that keeps its own name in staging stores only the path of its directory, which all
 * entries of that directory share: 100,000 full paths would take as much memory as the entries' names (ADR 0011).
 */
export class PlannedPaths implements StagedPaths {
  readonly #entries: readonly Entry[];
  readonly #shortPaths: ShortPaths;
  readonly #paths: string[] = [];
  /** 1 if the path is that of the directory. */
  readonly #isInside: Uint8Array;

  constructor(entries: readonly Entry[], shortPaths: ShortPaths) {
    this.#entries = entries;
    this.#shortPaths = shortPaths;
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

  has(entry: number): boolean {
    return Boolean(this.#paths[entry]);
  }

  at(entry: number): string | undefined {
    const path = this.#paths[entry];
    if (this.#isInside[entry] !== 1) return path;
    const { name } = this.#entries[entry]!;
    return `${this.#shortPaths.shorten(path!)}${name.slice(name.lastIndexOf('/'))}`;
  }
}
