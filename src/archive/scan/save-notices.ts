import { showPath } from '../fs/tree-errors.ts';

/** Maximum number of paths that a notice names. The others are counted. */
const NAMED_PATHS = 3;

/**
 * Collects the paths that a save skips or changes, and makes one notice for each reason: a tree that another process
 * deletes during the save has thousands of vanished files.
 */
export class SaveNotices {
  /** The number of paths with each outcome, and the first of these paths. */
  readonly #notices = new Map<string, { count: number; readonly named: string[] }>();

  addSkipped(path: string, why: string): void {
    this.#add(path, `not in the cache (${why})`);
  }

  /** Adds a path whose mtime no archive can have: `limit` is saved instead. */
  addChangedTime(path: string, limit: 1970 | 2112): void {
    const when = limit === 1970 ? 'before' : 'after';
    this.#add(path, `saved with a change (times ${when} ${limit} become ${limit})`);
  }

  lines(): string[] {
    return [...this.#notices].map(([outcome, { count, named }]) => {
      const subject = count === 1 ? '1 path is' : `${count} paths are`;
      const others = count > named.length ? ` and ${count - named.length} more` : '';
      return `${subject} ${outcome}: ${named.join(', ')}${others}.`;
    });
  }

  #add(path: string, outcome: string): void {
    const notice = this.#notices.get(outcome) ?? { count: 0, named: [] };
    this.#notices.set(outcome, notice);
    notice.count++;
    if (notice.named.length < NAMED_PATHS) notice.named.push(showPath(path));
  }
}
