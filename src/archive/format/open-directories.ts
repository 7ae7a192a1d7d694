/**
 * The directories above the current name of a loop over names in byte order, the innermost last. A set of all directories would
 * hash the parent of every name.
 */
export class OpenDirectories<T extends { readonly name: string }> {
  readonly #open: T[] = [];

  /** Returns the parent of the next name. Returns undefined if the parent was not entered. */
  parentOf(name: string): T | undefined {
    const open = this.#open;
    // All names in a directory follow each other
    while (open.length > 0 && !name.startsWith(open[open.length - 1]!.name)) open.pop();
    const inner = open[open.length - 1];
    if (!inner) return undefined;
    const slash = name.indexOf('/', inner.name.length);
    return slash < 0 || slash === name.length - 1 ? inner : undefined;
  }

  /** Leaves the directory that `parentOf` has just found. */
  leave(): void {
    this.#open.pop();
  }

  /** Enters the directory whose name was the last argument of `parentOf`. */
  enter(directory: T): void {
    this.#open.push(directory);
  }
}
