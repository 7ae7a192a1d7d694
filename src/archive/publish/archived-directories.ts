import { statSync } from 'node:fs';
import { win32 } from 'node:path';
import { type Entry, EntryType } from '../format/entry.ts';
import type { PathLayout } from '../fs/layout.ts';
import { fsPath } from '../fs/names.ts';

/** Which paths will be directories when a restore is done, for links on Windows. */
export class ArchivedDirectories {
  readonly #entries: readonly Entry[];
  readonly #layout: PathLayout;
  #paths: ReadonlySet<string> | undefined;

  constructor(entries: readonly Entry[], layout: PathLayout) {
    this.#entries = entries;
    this.#layout = layout;
  }

  /** An absolute path: it is in the archive, or stands on the disk. */
  has(path: string): boolean {
    this.#paths ??= this.#collect();
    if (this.#paths.has(comparable(path))) return true;
    try {
      return statSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
    } catch {
      // Not ours to search, or a drive that does not answer
      return false;
    }
  }

  #collect(): ReadonlySet<string> {
    const directories = this.#entries.filter(({ type }) => type === EntryType.directory);
    return new Set(directories.map(({ name }) => comparable(this.#layout.toAbsolute(name))));
  }
}

/** NTFS folds case. */
function comparable(path: string): string {
  return win32.resolve(path).toLowerCase();
}
