import { basename, dirname } from 'node:path';

/** A root above a path. */
export interface RootAbove<Root> {
  readonly root: Root;
  /** The components of the path below the root. */
  readonly components: readonly string[];
}

/**
 * Roots by their paths on this machine. Stored names are not enough: `./a`, `~/work/r/r/a` and `/home/runner/work/r/r/a`
 * may be one directory.
 */
export class RootPaths<Root> {
  readonly #keyOf: (path: string) => string;
  readonly #roots = new Map<string, Root>();

  /** @param keyOf maps equal paths to equal strings (`pathKeys`). */
  constructor(keyOf: (path: string) => string) {
    this.#keyOf = keyOf;
  }

  /** Adds a root, unless the path has one already. Returns the earlier root, if there is one. */
  add(path: string, root: Root): Root | undefined {
    const key = this.#keyOf(path);
    const known = this.#roots.get(key);
    if (known === undefined) this.#roots.set(key, root);
    return known;
  }

  /** Returns the nearest root above a path. Returns undefined if there is none. */
  nearestAbove(path: string): RootAbove<Root> | undefined {
    const components: string[] = [];
    for (let at = path; dirname(at) !== at; at = dirname(at)) {
      components.unshift(basename(at));
      const root = this.#roots.get(this.#keyOf(dirname(at)));
      if (root !== undefined) return { root, components };
    }
    return undefined;
  }
}
