import { showPath } from '../fs/tree-errors.ts';
import type { ScanNotes } from '../scan/saved-links.ts';

/** Paths that a notice names; of the others it gives the number. */
const NAMED_PATHS = 3;

interface Notice {
  count: number;
  readonly paths: string[];
}

/**
 * Collects the paths that a save skips or changes, and makes one notice for each reason: a tree that another process
 * deletes during the save has thousands of vanished files.
 */
export class SaveNotices implements ScanNotes {
  readonly #skipped = new Map<string, Notice>();
  readonly #changed = new Map<string, Notice>();

  skipped(path: string, why: string): void {
    add(this.#skipped, path, why);
  }

  timeOutOfRange(path: string, limit: 1970 | 2112): void {
    add(this.#changed, path, `times ${limit === 1970 ? 'before' : 'after'} ${limit} become ${limit}`);
  }

  /** Returns the notices. */
  lines(): string[] {
    return [...linesOf(this.#skipped, 'not in the cache'), ...linesOf(this.#changed, 'saved with a change')];
  }
}

function add(notices: Map<string, Notice>, path: string, reason: string): void {
  let notice = notices.get(reason);
  if (!notice) {
    notice = { count: 0, paths: [] };
    notices.set(reason, notice);
  }
  notice.count++;
  if (notice.paths.length < NAMED_PATHS) notice.paths.push(showPath(path));
}

function linesOf(notices: ReadonlyMap<string, Notice>, state: string): string[] {
  return [...notices].map(([reason, { count, paths }]) => {
    const subject = count === 1 ? '1 path is' : `${count} paths are`;
    const others = count > paths.length ? ` and ${count - paths.length} more` : '';
    return `${subject} ${state} (${reason}): ${paths.join(', ')}${others}.`;
  });
}
