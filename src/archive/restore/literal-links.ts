import { isAbsolute } from 'node:path';
import { DamagedArchiveError, TargetTreeError } from '../archive-errors.ts';
import { type Entry, EntryType, inodeOf } from '../format/entry.ts';
import type { PathLayout } from '../fs/layout.ts';
import { leadsOutside, wayToTarget } from '../fs/link-target.ts';
import { shortenName } from '../fs/names.ts';

/**
 * Checks the symlinks at literal paths of the step. A later step follows a link there, so an archive must not make one that
 * leads out of the step's paths, by itself or through another link of the archive. A save leaves such a link out.
 *
 * Throws `DamagedArchiveError`. An absolute target may be inside the paths of another runner, so that for it this is a
 * `TargetTreeError`: the object stays.
 */
export function checkLiteralLinks(entries: readonly Entry[], layout: PathLayout): void {
  for (const entry of entries) {
    const { type, target } = inodeOf(entry, entries);
    if (type !== EntryType.symlink) continue;
    const path = layout.toAbsolute(entry.name);
    if (!layout.followsLink(path)) continue;
    if (!leadsOutside(layout, path, target) && !leadsThroughLink(entries, layout, path, target)) continue;
    if (isAbsolute(target))
      throw new TargetTreeError(
        `${path} is a link to ${shortenName(target)} in the cache, which is outside the \`path\` of this step`,
      );
    throw new DamagedArchiveError(
      `its entry ${shortenName(entry.name)} is a link that leads out of the \`path\` of this step`,
    );
  }
}

/** Returns whether the way to the target of a link at `path` goes through a symlink of the archive, or ends at one. */
function leadsThroughLink(
  entries: readonly Entry[],
  layout: PathLayout,
  path: string,
  target: string,
): boolean {
  const links = new Set(
    entries.flatMap(entry =>
      inodeOf(entry, entries).type === EntryType.symlink ? [layout.toAbsolute(entry.name)] : [],
    ),
  );
  // A link to itself has no target
  return wayToTarget(path, target).some(at => at !== path && links.has(at));
}
