import { TargetTreeError } from '../../archive-errors.ts';
import { type Entry, EntryType, inodeOf } from '../../format/entry.ts';
import type { PathLayout } from '../../fs/paths/layout.ts';
import { isStagingName } from '../../fs/paths/staging-name.ts';
import type { RefusedAttributes } from '../../fs/refused-attributes.ts';
import { showPath, writeError } from '../../fs/tree-errors.ts';
import { forEachInTurns, Turns } from '../../turns.ts';
import type { Move, TargetPlan } from '../plan/target-plan.ts';
import type { RemainingStaging } from '../staging/stale-staging.ts';
import { DirectorySnapshot } from './directory-snapshot.ts';
import { awaitReplaceable } from './held-files.ts';
import { joinHardLinks } from './join-hard-links.ts';
import { type AsideItem, MovedAside } from './moved-aside.ts';
import { Publisher } from './publisher.ts';

/**
 * Makes a staged restore visible. It only renames, and waits neither for a network nor for disk space. A process killed
 * in between leaves whole files of both states.
 *
 * Throws `TargetTreeError` when something has changed since the plan, or when `signal` is aborted, whose reason it throws if
 * nothing is published yet. Files published until then stay, whole and with their attributes; items moved aside and not
 * replaced come back; other existing directories keep the mode and times that they had. `treeChanged` is true if anything was published or could not come back: the caller keeps no status
 * rows then.
 */
export async function commit(
  plan: TargetPlan,
  layout: PathLayout,
  refused: RefusedAttributes,
  signal: AbortSignal,
): Promise<readonly RemainingStaging[]> {
  const snapshot = new DirectorySnapshot(plan);
  const movedAside = new MovedAside();
  const publisher = new Publisher(movedAside);
  try {
    await awaitReplaceable(plan, signal);
    await snapshot.take(signal);
    await forEachInTurns(plan.obstacles, signal, ({ path, parent, isDirectory }) => {
      if (isDirectory) movedAside.moveDirectoryAside(path, parent);
      else movedAside.moveFileAside(path, parent);
    });
    const turns = new Turns(signal);
    for (const move of publicationOrder(plan)) {
      if (turns.isDue()) await turns.take();
      // Only a link, alone or inside a tree, can change the path of what is published after it
      const isChecked = isFile(move, plan) && publisher.published.at(-1)?.parent === move.parent;
      if (!isChecked) snapshot.requireUnmoved(move.parent);
      await publisher.publish(move, turns);
    }
  } catch (error) {
    const kept = await movedAside.putBack();
    const changed = new Set(publisher.published.map(({ parent }) => parent.path));
    await snapshot.restoreTimes(new Set([...movedAside.parents].filter(parent => !changed.has(parent))));
    for (const area of plan.areas) {
      if (kept.some(({ parent }) => parent.area === area)) area.keep();
      else await area.tryDiscard();
    }
    await publisher.applyFinalAttributes(plan);
    await snapshot.restoreModes();
    const isChanged = publisher.hasBegun || kept.length > 0;
    if (error !== signal.reason) throw commitFailure(error, kept, isChanged);
    throw isChanged ? commitFailure(new TargetTreeError(CANCELLED, { cause: error }), kept, true) : error;
  }
  // One rename publishes a tree with all its links
  if (plan.moves.length > 1 || publisher.hasMerged) await joinHardLinks(plan, layout, signal).catch(() => {});
  const remaining: RemainingStaging[] = [];
  // Before the final times: the removal of staging changes the times of the directories that hold it
  for (const area of plan.areas) if (!(await area.tryRemove())) remaining.push(area.remaining);
  await publisher.applyFinalAttributes(plan);
  await snapshot.applyFinalAttributes(plan, refused);
  return remaining;
}

const CANCELLED = 'the step was cancelled while files were replaced; the next restore completes the tree';

function commitFailure(error: unknown, kept: readonly AsideItem[], treeChanged: boolean): TargetTreeError {
  const { message } =
    error instanceof TargetTreeError ? error : writeError(pathInTheWay(error as RenameError), error);
  const notes = kept.map(
    ({ path, parent }) =>
      `the previous ${showPath(path)} could not be put back and is kept for a day in a directory .cache-s3-* of ${showPath(parent.area.parent)}`,
  );
  return new TargetTreeError([message, ...notes].join('; '), { cause: error, treeChanged });
}

interface RenameError extends NodeJS.ErrnoException {
  readonly dest?: string;
}

/** Returns the path outside of staging that a failed rename has named. On Windows Node names it with `\\`. */
function pathInTheWay({ path, dest }: RenameError): string {
  const paths = [dest, path].flatMap(found =>
    found === undefined ? [] : [String(found).replace(/[/\\]$/, '')],
  );
  return paths.find(found => !found.split(SEPARATORS).some(isStagingName)) ?? 'a file of the cache';
}

const SEPARATORS = /[/\\]/;

/** Directories, files, hard links, and last symlinks, so that nothing of this restore goes through them. */
function publicationOrder({ moves, entries }: TargetPlan): Move[] {
  const rank = ({ isTree, entry }: Move) => (isTree ? 0 : rankOf(entries[entry]!, entries));
  return [0, 1, 2, 3].flatMap(wanted => moves.filter(move => rank(move) === wanted));
}

function rankOf(entry: Entry, entries: readonly Entry[]): number {
  const isSymlink = inodeOf(entry, entries).type === EntryType.symlink;
  return RANKS[isSymlink ? EntryType.symlink : entry.type];
}

const RANKS = {
  [EntryType.directory]: 0,
  [EntryType.file]: 1,
  [EntryType.hardLink]: 2,
  [EntryType.symlink]: 3,
} as const;

function isFile({ isTree, entry }: Move, { entries }: TargetPlan): boolean {
  return !isTree && entries[entry]!.type === EntryType.file;
}
