import { shortenName } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import type { RefusedCounts } from '../fs/refused-attributes.ts';
import { showPath } from '../fs/tree-errors.ts';
import type { RemainingStaging } from '../publish/staging/stale-staging.ts';
import type { RestoreNotes } from './restore-archive.ts';

const ADVICE = 'enable Developer Mode or give the runner the right to create symbolic links';

/** Collects facts that a restore reports once, whether it succeeds or not. */
export class RestoreNotices implements RestoreNotes {
  #refused: RefusedCounts | undefined;
  #leftOut: readonly string[] = [];
  readonly #remaining: RemainingStaging[] = [];

  attributesRefused(counts: RefusedCounts): void {
    this.#refused = counts;
  }

  linksLeftOut(paths: readonly string[]): void {
    this.#leftOut = paths;
  }

  stagingRemains(remaining: RemainingStaging): void {
    this.#remaining.push(remaining);
  }

  /** Returns one line on the attributes that the restored files have not. */
  attributes(): string[] {
    if (!this.#refused) return [];
    const { owners, modes, times, hardLinks, symlinks } = this.#refused;
    const lost = [
      ...countOf(owners, 'the owner of 1 entry was not set', `the owners of ${owners} entries were not set`),
      ...countOf(modes, 'the mode of 1 entry was not set', `the modes of ${modes} entries were not set`),
      ...countOf(times, 'the time of 1 entry was not set', `the times of ${times} entries were not set`),
      ...countOf(hardLinks, '1 hard link is a copy', `${hardLinks} hard links are copies`),
      ...countOf(
        symlinks,
        `1 symlink is a junction or copy (${ADVICE})`,
        `${symlinks} symlinks are junctions or copies (${ADVICE})`,
      ),
    ];
    return [
      `The content was restored, but this file system or the rights of this user do not allow all attributes: ${lost.join(', ')}.`,
    ];
  }

  /** Returns one line on the symlinks that were not created. */
  links(): string[] {
    const [first] = this.#leftOut;
    if (first === undefined) return [];
    const count = this.#leftOut.length;
    const missing = count === 1 ? 'A symlink was' : `${count} symlinks were`;
    return [
      `${missing} not created, because this user may create none here, first ${showPath(shortenName(first))}: ${ADVICE}. This job saves nothing of these paths.`,
    ];
  }

  /** Returns one line for each directory with staging of earlier restores. */
  staging(): string[] {
    return this.#remaining.map(({ directory, maybeInUse, open, irremovable }) => {
      const advice = thisPlatform.hasSudo ? ', or set `sudo: true`' : '';
      const reasons = [
        ...countOf(
          maybeInUse,
          '1 may belong to a running job and is removed after a day',
          `${maybeInUse} may belong to running jobs and are removed after a day`,
        ),
        ...countOf(
          open,
          '1 has files that a process has open or runs, and is removed by the next restore after that',
          `${open} have files that a process has open or runs, and are removed by the next restore after that`,
        ),
        ...countOf(
          irremovable,
          `1 cannot be removed by this user: remove it${advice}`,
          `${irremovable} cannot be removed by this user: remove them${advice}`,
        ),
      ];
      return `Directories .cache-s3-* remain in ${showPath(directory)}: ${reasons.join('; ')}.`;
    });
  }
}

function countOf(count: number, one: string, many: string): string[] {
  return count === 0 ? [] : [count === 1 ? one : many];
}
