import { statSync } from 'node:fs';
import { win32 } from 'node:path';
import { type Entry, EntryType, inodeOf } from '../format/entry.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { type LinkType, linkTypeOf, MAX_LINKS } from '../fs/links/symlinks.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { fsPath } from '../fs/paths/names.ts';

/** Targets of symlinks as they will be after a restore. Only Windows needs them: its symlinks have a type. */
export class LinkTargets {
  readonly #entries: readonly Entry[];
  readonly #layout: PathLayout;
  /** Index of each entry of the archive by its path. Files are added by the first `fileOf`. */
  #indexes: Map<string, number> | undefined;
  #hasFiles = false;

  constructor(entries: readonly Entry[], layout: PathLayout) {
    this.#entries = entries;
    this.#layout = layout;
  }

  /** Returns the type of a symlink (`linkTypeOf`). */
  typeOf({ name, target }: Entry): LinkType {
    return linkTypeOf(target, this.#layout.toAbsolute(name), path => this.#isDirectory(path));
  }

  /** Returns the index of the file of the archive that a symlink leads to. Returns undefined if it leads to none. */
  fileOf({ name, target }: Entry): number | undefined {
    if (!this.#hasFiles) this.#indexes = this.#collect(() => true);
    this.#hasFiles = true;
    const { index } = this.#follow(win32.resolve(win32.dirname(this.#layout.toAbsolute(name)), target));
    if (index === undefined) return undefined;
    const { type, linkTo } = this.#entries[index]!;
    const file = type === EntryType.hardLink ? linkTo : index;
    return this.#entries[file]!.type === EntryType.file ? file : undefined;
  }

  /** Returns whether an absolute path is a directory of the archive or on the disk. */
  #isDirectory(path: string): boolean {
    this.#indexes ??= this.#collect(({ type }) => type !== EntryType.file);
    const { index, at } = this.#follow(path);
    if (index !== undefined) return this.#entries[index]!.type === EntryType.directory;
    // The call fails without the right to search a directory above, and on a drive that does not respond
    return ignoreErrors(() => statSync(fsPath(at), { throwIfNoEntry: false })?.isDirectory()) ?? false;
  }

  /** Follows symlinks of the archive from a path. Returns the last path, and the index of its entry if it has one. */
  #follow(path: string): { readonly at: string; readonly index: number | undefined } {
    let at = path;
    for (let links = 0; links < MAX_LINKS; links++) {
      const index = this.#indexes!.get(toComparable(at));
      if (index === undefined) return { at, index };
      const { type, target } = inodeOf(this.#entries[index]!, this.#entries);
      if (type !== EntryType.symlink) return { at, index };
      at = win32.resolve(win32.dirname(at), target);
    }
    return { at, index: undefined };
  }

  #collect(isIncluded: (entry: Entry) => boolean): Map<string, number> {
    const indexes = new Map<string, number>();
    this.#entries.forEach((entry, index) => {
      if (isIncluded(entry)) indexes.set(toComparable(this.#layout.toAbsolute(entry.name)), index);
    });
    return indexes;
  }
}

/** Returns a path as NTFS compares it, without regard to case. */
function toComparable(path: string): string {
  return win32.resolve(path).toLowerCase();
}
