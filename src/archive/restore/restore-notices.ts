import { shortenName } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { RefusedAttributes } from '../fs/refused-attributes.ts';
import { showPath } from '../fs/tree-errors.ts';
import type { RemainingStaging } from '../publish/staging/stale-staging.ts';

const ADVICE = 'enable Developer Mode or give the runner the right to create symbolic links';

/** Facts that a restore reports once, whether it succeeds or fails for another reason. */
export class RestoreNotices {
  refused = new RefusedAttributes().counts;
  /** Paths of symlinks that were not created. */
  leftOut: readonly string[] = [];
  readonly remaining: RemainingStaging[] = [];

  /** Returns one line about the attributes that the restored files do not have, or none. */
  describeAttributes(): string[] {
    const { owners, modes, times, hardLinks, symlinks } = this.refused;
    const lost = listCounts({
      'owners not set': owners,
      'modes not set': modes,
      'times not set': times,
      'hard links that became copies': hardLinks,
      [`symlinks that became junctions or copies (${ADVICE})`]: symlinks,
    });
    if (lost === '') return [];
    return [
      `The content was restored, but this file system or the rights of this user do not allow all attributes: ${lost}.`,
    ];
  }

  /** Returns one line about the symlinks that were not created, or none. */
  describeLinks(): string[] {
    const [first] = this.leftOut;
    if (first === undefined) return [];
    return [
      `Symlinks not created, because this user may create none here: ${this.leftOut.length}, first ${showPath(shortenName(first))}; ${ADVICE}. This job saves nothing of these paths.`,
    ];
  }

  /** Returns one line for each directory with staging of earlier restores. */
  describeStaging(): string[] {
    return this.remaining.map(({ directory, maybeInUse, open, irremovable }) => {
      const sudo = thisPlatform.hasSudo ? ' or with `sudo: true`' : '';
      const reasons = listCounts({
        'removed after a day, because running jobs may use them': maybeInUse,
        'removed by the next restore after processes have closed the files in them': open,
        [`to be removed by hand${sudo}, because this user cannot`]: irremovable,
      });
      return `Directories .cache-s3-* remain in ${showPath(directory)}: ${reasons}.`;
    });
  }
}

/** Lists the counts that are not 0, after their texts. */
function listCounts(counts: Readonly<Record<string, number>>): string {
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  return found.map(([text, count]) => `${text}: ${count}`).join('; ');
}
