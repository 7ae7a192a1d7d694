import type { Stats } from 'node:fs';
import { join, resolve } from 'node:path';
import { statFile } from '../file-status.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { pathSteps } from './symlinks.ts';

/** Numbers of a row: device, inode and birth time of a link. No rename changes them, and no other file gets all three. */
const WIDTH = 3;

/** Returns the row of a link. Plain numbers round the last digits of large inode numbers and of times. */
export function linkRow({ dev, ino, birthtimeMs }: Stats): readonly [number, number, number] {
  return [dev, ino, birthtimeMs];
}

/**
 * Links that restores of this job have made. An archive has chosen their targets, so a later step does not follow them. It
 * follows the links of the user's own steps (docs/threat-model.md).
 */
export class RestoredLinks {
  readonly #keys = new Set<string>();

  /** Adds links, by the numbers of `linkRow` for each. Ignores a last row that is not complete. */
  add(rows: ArrayLike<number>): void {
    for (let at = 0; at + WIDTH <= rows.length; at += WIDTH)
      this.#keys.add(keyOf([rows[at]!, rows[at + 1]!, rows[at + 2]!]));
  }

  /** Returns a restored link that the system follows on the way to `path`. Returns undefined if there is none. */
  onTheWayTo(path: string): string | undefined {
    const found = this.#first(path);
    // A link at the path itself counts if it leads to a directory. Otherwise it is an entry like any other
    const isFollowed = !found?.isLast || ignoreErrors(() => statFile(path, false)?.isDirectory());
    return isFollowed ? found?.link : undefined;
  }

  /** Returns whether `path` itself is a restored link. */
  has(path: string): boolean {
    return this.#first(path)?.isLast ?? false;
  }

  /** Finds the first restored link that the system meets on the way to a path. `isLast`: it is the last component of the path. */
  #first(path: string): { readonly link: string; readonly isLast: boolean } | undefined {
    if (this.#keys.size === 0) return undefined;
    return ignoreErrors(() => {
      for (const { directory, name, stats, isLast } of pathSteps(resolve(path))) {
        const isRestored = stats.isSymbolicLink() && this.#keys.has(keyOf(linkRow(stats)));
        if (isRestored) return { link: join(directory, name), isLast };
      }
      return undefined;
    });
  }
}

function keyOf(row: readonly number[]): string {
  return row.join(' ');
}
