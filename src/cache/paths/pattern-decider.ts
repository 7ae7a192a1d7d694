import type { Pattern, Wildcards } from './patterns.ts';

const NONE: readonly number[] = [];

/**
 * Decides which pattern applies to a path. Patterns without wildcards are in a map by their path, so that thousands take no more
 * time than one. The decision about a directory is kept for further paths in the same directory.
 */
export class PatternDecider {
  readonly #patterns: readonly Pattern[];
  /** Indexes of the patterns without wildcards by their path, ascending. */
  readonly #literals = new Map<string, number[]>();
  #longestLiteral = -1;
  /** Patterns with wildcards, and their indexes, descending. */
  readonly #wild: { readonly index: number; readonly wildcards: Wildcards }[] = [];
  #directory: string | undefined;
  #ofDirectory = -1;

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    for (const [index, { wildcards, comparableLead: path }] of patterns.entries()) {
      if (wildcards !== undefined) {
        this.#wild.unshift({ index, wildcards });
        continue;
      }
      const same = this.#literals.get(path);
      if (same === undefined) this.#literals.set(path, [index]);
      else same.push(index);
      this.#longestLiteral = Math.max(this.#longestLiteral, path.length);
    }
  }

  /** Returns the last pattern that matches a path (in comparable spelling) or an ancestor. Returns undefined if none does. */
  decide(path: string, isDirectory: () => boolean): Pattern | undefined {
    const slash = path.lastIndexOf('/');
    const above = slash === -1 ? -1 : this.#indexOfDirectory(path.slice(0, slash));
    return this.#patterns[this.#ownIndex(path, above, isDirectory)];
  }

  /** Returns whether a pattern without wildcards, and without `!`, names a path (in comparable spelling). */
  includesLiteral(path: string): boolean {
    return this.#literalsAt(path).some(index => !this.#patterns[index]!.excludes);
  }

  #literalsAt(path: string): readonly number[] {
    // Most paths are longer, and are not hashed
    return (path.length <= this.#longestLiteral ? this.#literals.get(path) : undefined) ?? NONE;
  }

  #indexOfDirectory(path: string): number {
    if (path === this.#directory) return this.#ofDirectory;
    let last = -1;
    // Ends at the longest literal, because a stored name may have thousands of components
    for (
      let end = path.indexOf('/');
      end !== -1 && end <= this.#longestLiteral;
      end = path.indexOf('/', end + 1)
    ) {
      last = Math.max(last, this.#literalsAt(path.slice(0, end)).at(-1) ?? -1);
    }
    last = Math.max(last, this.#literalsAt(path).at(-1) ?? -1);
    const wild = this.#wild.find(({ index, wildcards }) => index < last || wildcards.matchesWithin(path));
    this.#directory = path;
    this.#ofDirectory = Math.max(last, wild?.index ?? -1);
    return this.#ofDirectory;
  }

  #ownIndex(path: string, above: number, isDirectory: () => boolean): number {
    const applies = (index: number) => !this.#patterns[index]!.isForDirectories || isDirectory();
    const last = Math.max(
      above,
      this.#literalsAt(path).findLast(index => index > above && applies(index)) ?? -1,
    );
    const wild = this.#wild.find(
      ({ index, wildcards }) => index < last || (wildcards.matches(path) && applies(index)),
    );
    return Math.max(last, wild?.index ?? -1);
  }
}
