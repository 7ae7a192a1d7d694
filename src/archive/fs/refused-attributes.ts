import { fileTimes, type Mtime } from './file-times.ts';

/** Counts of entries by the attribute that they did not keep. */
export interface RefusedCounts {
  owners: number;
  modes: number;
  times: number;
  /** Hard links that became copies. */
  hardLinks: number;
  /** Symlinks that became junctions or copies. */
  symlinks: number;
}

/**
 * Errors by which a file system or the rights of this process refuse an attribute: exFAT and 9p (EPERM), owners that a
 * user namespace does not map (EINVAL), a quota of the new owner (EDQUOT), network file systems (EACCES, ENOTSUP, ENOSYS,
 * EOVERFLOW).
 */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'EACCES',
  'EDQUOT',
  'EINVAL',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EOVERFLOW',
  'EPERM',
]);

/** Returns whether an error means that the system refuses an attribute, a link or a node type. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has((error as NodeJS.ErrnoException).code);
}

/** The first time after the range of 32-bit times, in January 2038. */
const FIRST_LATE_US = 2 ** 31 * 1e6;
/** Coarsest resolution of times in ms: FAT stores even seconds. */
const COARSEST_TIME_MS = 2000;

/** Counts refused attributes. A restore continues without them and reports them once, because they are not content. */
export class RefusedAttributes {
  readonly counts: RefusedCounts = { owners: 0, modes: 0, times: 0, hardLinks: 0, symlinks: 0 };

  /** Calls `change`. Returns false, and counts an entry, if the system refuses it. Throws the system's other errors. */
  attempt(attribute: keyof RefusedCounts, change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.counts[attribute]++;
      return false;
    }
  }

  /**
   * Sets a modification time by `set`, which takes the seconds of `utimes`. The access time becomes now, as with tar. A file
   * system of 32-bit times (ext4 with small inodes, XFS without bigtime) sets its latest time in place of one after 2038, without
   * an error. So `readMs` reads the time in ms back.
   */
  attemptTime(mtime: Mtime, set: (atime: number, mtime: number) => void, readMs: () => number): void {
    const isSet = this.attempt('times', () => set(Date.now() / 1000, fileTimes.toSeconds(mtime)));
    if (!isSet || mtime.mtimeUs < FIRST_LATE_US) return;
    if (Math.abs(readMs() - mtime.mtimeUs / 1000) > COARSEST_TIME_MS) this.counts.times++;
  }

  /** Adds the counts of a job. */
  add(counts: RefusedCounts): void {
    for (const attribute of Object.keys(this.counts) as (keyof RefusedCounts)[])
      this.counts[attribute] += counts[attribute];
  }
}
