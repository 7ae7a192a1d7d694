import { EntryType } from '../format/entry.ts';
import { type FramePlan, type PackResult, readPacked, type ScannedEntry } from '../messages/pack-job.ts';
import { readEntry } from '../scan/read-entry.ts';
import type { SaveNotices } from '../scan/save-notices.ts';
import { VANISHED } from '../scan/saved-links.ts';
import { FramePlanner } from './plan-frames.ts';

interface LostName {
  readonly inode: NonNullable<ScannedEntry['inode']>;
  /** The next name of the inode, which has its data in the archive. */
  successor?: string;
}

/**
 * Keeps the data of files with several names whose first name vanishes, or becomes another file, between scan and reading: the
 * next name that is still there takes its place. Only the frames of the hard links to it are packed again, before they are
 * written.
 */
export class LostFirstNames {
  readonly #notices: SaveNotices;
  /** Lost names of files, by their first names. */
  readonly #lost = new Map<string, LostName>();

  constructor(notices: SaveNotices) {
    this.#notices = notices;
  }

  /**
   * Returns the frames to pack in place of this one. Returns undefined if it has no hard link to a lost name. Call it with each
   * frame in the order of the frames. Throws `SourceTreeError`.
   */
  replan({ members }: FramePlan, { packed }: PackResult): Iterable<FramePlan> | undefined {
    members.forEach(({ name, inode }, index) => {
      if (inode && !this.#lost.has(name) && isLost(packed, index)) this.#lost.set(name, { inode });
    });
    if (this.#lost.size === 0 || !members.some(member => this.#lostFirstOf(member))) return undefined;
    return this.#plan(members);
  }

  *#plan(members: readonly ScannedEntry[]): Generator<FramePlan> {
    const planner = new FramePlanner();
    for (const member of members) {
      const resolved = this.#resolve(member);
      if (resolved) yield* planner.add(resolved);
    }
    yield* planner.takeRest();
  }

  /** Returns the member with another target, or as a file. Returns undefined if it has vanished. */
  #resolve(member: ScannedEntry): ScannedEntry | undefined {
    const lost = this.#lostFirstOf(member);
    if (!lost) return member;
    if (lost.successor === undefined) return this.#promote(member, lost);
    // The successor may be lost as well
    return this.#resolve({ ...member, linkName: lost.successor });
  }

  #promote(member: ScannedEntry, lost: LostName): ScannedEntry | undefined {
    const { path, name } = member;
    const found = readEntry(path, name, { follow: false, exact: true, skip: () => {} });
    if (!found?.stats.isFile()) {
      this.#notices.addSkipped(path, VANISHED);
      return undefined;
    }
    const { dev, ino } = found.stats.exact!;
    if (dev !== lost.inode.dev || ino !== lost.inode.ino) return found;
    lost.successor = name;
    return { ...found, inode: lost.inode };
  }

  #lostFirstOf({ type, linkName }: ScannedEntry): LostName | undefined {
    return type === EntryType.hardLink ? this.#lost.get(linkName) : undefined;
  }
}

/** Returns whether hard links to this member would get no data, or the data of another file. */
function isLost(rows: Float64Array, index: number): boolean {
  const packed = readPacked(rows, index);
  return typeof packed === 'string' || packed.wasReplaced;
}
