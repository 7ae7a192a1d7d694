import { TargetTreeError } from '../archive-errors.ts';
import { type Entry, EntryType } from '../format/entry.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { writeError } from '../fs/tree-errors.ts';
import { type Aside, Displaced } from './displaced.ts';
import { KnownDirectories } from './known-directories.ts';
import { Publisher } from './publisher.ts';
import type { Move, TargetPlan } from './target-plan.ts';

/**
 * Makes a staged restore visible: renames only, nothing that waits for a network or for disk space. A kill in between
 * leaves whole files of both states.
 * Throws `TargetTreeError` when something has changed since the plan. Then what is published by then stays, whole and
 * with its attributes; what was moved out of its way and not replaced comes back; directories that are neither new nor
 * published in have the mode and times that they had. `halfway` says whether anything was published or could not come
 * back. Nothing is known of what stands there after that: the caller keeps no status rows.
 */
export function commit(plan: TargetPlan, entries: readonly Entry[]): void {
  const known = new KnownDirectories(plan);
  const displaced = new Displaced();
  const publisher = new Publisher(displaced);
  try {
    known.recheck();
    for (const { path, parent, directory } of plan.displaced) {
      if (directory) displaced.takeDirectory(path, parent);
      else displaced.takeOther(path, parent);
    }
    for (const move of publicationOrder(plan.moves, entries)) {
      // Files lead nowhere; a link does, and so may one that stands in a tree
      const isChecked = isFile(move, entries) && publisher.published.at(-1)?.parent === move.parent;
      if (!isChecked) known.requireSame(move.parent);
      publisher.publish(move);
    }
  } catch (error) {
    const kept = displaced.putBack();
    const changed = new Set(publisher.published.map(({ parent }) => parent.path));
    known.giveTimesBack([...displaced.parents].filter(parent => !changed.has(parent)));
    for (const area of plan.areas) {
      if (!kept.some(({ parent }) => parent.area === area)) ignoreErrors(() => area.discard());
    }
    publisher.finish(entries);
    known.giveModesBack();
    throw failureOf(error, kept, publisher.hasBegun || kept.length > 0);
  }
  // Staging before the final times: its removal touches the directories that it stands in
  for (const area of plan.areas) ignoreErrors(() => area.remove());
  publisher.finish(entries);
  known.finish(entries);
}

function failureOf(error: unknown, kept: readonly Aside[], halfway: boolean): TargetTreeError {
  const failure =
    error instanceof TargetTreeError
      ? error
      : writeError(String((error as NodeJS.ErrnoException).path ?? ''), error);
  for (const { path, aside } of kept)
    failure.message += `; what was at ${path} could not be put back and is kept for a day at ${aside}`;
  failure.halfway = halfway;
  return failure;
}

/** Directories, files, hard links, and only then symlinks, through which nothing of ours may go. */
function publicationOrder(moves: readonly Move[], entries: readonly Entry[]): Move[] {
  const rank = ({ tree, entry }: Move) => (tree ? 0 : RANKS[entries[entry]!.type]);
  return [0, 1, 2, 3].flatMap(wanted => moves.filter(move => rank(move) === wanted));
}

const RANKS = {
  [EntryType.directory]: 0,
  [EntryType.file]: 1,
  [EntryType.hardLink]: 2,
  [EntryType.symlink]: 3,
} as const;

function isFile({ tree, entry }: Move, entries: readonly Entry[]): boolean {
  return !tree && entries[entry]!.type === EntryType.file;
}
