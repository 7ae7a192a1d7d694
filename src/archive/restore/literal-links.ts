import { UnusableArchiveError } from '../archive-errors.ts';
import { type Entry, EntryType, inodeOf } from '../format/entry.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { leadsOutside, leadsThroughLink } from '../fs/paths/link-target.ts';
import { shortenName } from '../fs/paths/names.ts';
import { forEachInTurns } from '../turns.ts';

/**
 * Checks the symlinks at literal paths of the step. A later step follows a link there. So no link of the archive may lead out of
 * the step's paths, directly or through another link of the archive.
 *
 * Throws the signal's reason, and `UnusableArchiveError` for a link that leads out. No save on this runner stores one. On another
 * runner, with other directories as workspace and home, the same `path` may include its target.
 */
export async function checkLiteralLinks(
  entries: readonly Entry[],
  layout: PathLayout,
  signal: AbortSignal | undefined,
): Promise<void> {
  let isLink: ((path: string) => boolean) | undefined;
  await forEachInTurns(entries, signal, entry => {
    const { type, target } = inodeOf(entry, entries);
    if (type !== EntryType.symlink) return;
    const path = layout.toAbsolute(entry.name);
    if (!layout.followsLink(path)) return;
    isLink ??= createLinkCheck(entries, layout);
    if (!leadsOutside(layout, path, target) && !leadsThroughLink(path, target, isLink)) return;
    throw new UnusableArchiveError(
      `its entry ${shortenName(entry.name)} is a link to ${shortenName(target)}, which is outside the \`path\` of this step on this runner`,
    );
  });
}

/** Returns a check whether an absolute path is a symlink of the archive. */
function createLinkCheck(entries: readonly Entry[], layout: PathLayout): (path: string) => boolean {
  const links = entries.filter(entry => inodeOf(entry, entries).type === EntryType.symlink);
  const paths = new Set(links.map(({ name }) => layout.toAbsolute(name)));
  return path => paths.has(path);
}
