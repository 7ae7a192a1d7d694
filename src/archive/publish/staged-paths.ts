import type { Entry } from '../format/entry.ts';

/** A path by entry: where it is built, or '' for a directory that exists and for what is left alone. */
export interface StagedPaths {
  at(entry: number): string | undefined;
}

/** Where files are built. */
export interface StagedFiles {
  readonly paths: StagedPaths;
  /** Files there get less of a mode than is requested (staging.ts). */
  readonly masksModes: boolean;
}

/**
 * The paths of a plan. What is built under its own name keeps the path of its directory alone, which it shares with all
 * that is built there: 100,000 paths would take as much memory as the entries' names (ADR 0011).
 */
export class PlannedPaths implements StagedPaths {
  readonly #entries: readonly Entry[];
  readonly #paths: string[] = [];
  /** 1: the path is that of the directory. */
  readonly #isInside: Uint8Array;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    this.#isInside = new Uint8Array(entries.length);
  }

  set(entry: number, path: string): void {
    this.#paths[entry] = path;
  }

  /** A file or link that is built in `directory` under the last component of its name. */
  setInside(entry: number, directory: string): void {
    this.#paths[entry] = directory;
    this.#isInside[entry] = 1;
  }

  at(entry: number): string | undefined {
    const path = this.#paths[entry];
    if (this.#isInside[entry] !== 1) return path;
    const { name } = this.#entries[entry]!;
    return `${path}${name.slice(name.lastIndexOf('/'))}`;
  }
}
