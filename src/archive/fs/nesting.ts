import { basename, dirname } from 'node:path';

/** The nearest root above a path. */
export interface RootAbove<Root> {
  readonly root: Root;
  /** From it to the path, the path's own last. */
  readonly components: readonly string[];
}

/**
 * Roots by where they lie on this machine. A stored name does not tell: `./a`, `~/work/r/r/a` and
 * `/home/runner/work/r/r/a` may be one directory.
 */
export class RootPaths<Root> {
  readonly #keyOf: (path: string) => string;
  readonly #roots = new Map<string, Root>();

  /** `keyOf`: the spelling in which equal paths are equal (`pathKeys`). */
  constructor(keyOf: (path: string) => string) {
    this.#keyOf = keyOf;
  }

  /** Returns the root that lies at this path already; then the new one is not taken. */
  add(path: string, root: Root): Root | undefined {
    const key = this.#keyOf(path);
    const known = this.#roots.get(key);
    if (known === undefined) this.#roots.set(key, root);
    return known;
  }

  above(path: string): RootAbove<Root> | undefined {
    const components: string[] = [];
    for (let at = path; dirname(at) !== at; at = dirname(at)) {
      components.unshift(basename(at));
      const root = this.#roots.get(this.#keyOf(dirname(at)));
      if (root !== undefined) return { root, components };
    }
    return undefined;
  }
}
