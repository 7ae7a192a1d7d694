import { TargetTreeError } from '../../archive-errors.ts';
import { EntryType, inodeOf } from '../../format/entry.ts';
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
import type { AsideItem } from './moved-aside.ts';
import { Publisher } from './publisher.ts';

/** The state of a commit. */
interface Commit {
  readonly plan: TargetPlan;
  readonly snapshot: DirectorySnapshot;
  readonly publisher: Publisher;
  /** The last move that was begun. */
  move?: Move;
}

/**
 * Makes a staged restore visible. It only renames, and waits neither for a network nor for disk space. A process killed in between
 * leaves whole files of both states. Returns the staging that could not be removed.
 *
 * Throws `TargetTreeError` if something has changed since the plan. Published entries stay then, whole and with their attributes.
 * After `signal` is aborted, throws its reason if nothing is published yet, otherwise `TargetTreeError`.
 */
export async function commit(
  plan: TargetPlan,
  layout: PathLayout,
  refused: RefusedAttributes,
  signal: AbortSignal,
): Promise<readonly RemainingStaging[]> {
  const publisher = new Publisher();
  const snapshot = new DirectorySnapshot(plan);
  const state: Commit = { plan, snapshot, publisher };
  try {
    await publishAll(state, signal);
  } catch (error) {
    throw await undo(state, error, signal);
  }
  // The links of a tree that one rename has published are joined
  if (plan.moves.length > 1 || publisher.hasMerged) await joinHardLinks(plan, layout, signal).catch(() => {});
  const remaining: RemainingStaging[] = [];
  // Staging is removed before the final times are set, because this changes the times of the directories that contain it
  for (const area of plan.areas) remaining.push(...(await area.tryRemove()));
  await publisher.applyFinalAttributes(plan);
  await snapshot.applyFinalAttributes(plan, refused);
  return remaining;
}

async function publishAll(state: Commit, signal: AbortSignal): Promise<void> {
  const { plan, snapshot, publisher } = state;
  await awaitReplaceable(plan, signal);
  await snapshot.take(signal);
  await forEachInTurns(plan.moves, signal, move => {
    const { to, parent, isTree, isBlocked } = move;
    if (!isBlocked) return;
    state.move = move;
    if (isTree) publisher.movedAside.moveFileAside(to, parent);
    else publisher.movedAside.moveDirectoryAside(to, parent);
  });
  const turns = new Turns(signal);
  for (const move of orderMoves(plan)) {
    if (turns.isDue()) await turns.take();
    state.move = move;
    // Only a published link, alone or in a tree, can change where a path leads: two files in a row need one check of their parent
    const isFile = !move.isTree && plan.entries[move.entry]!.type === EntryType.file;
    const isChecked = isFile && publisher.published.at(-1)?.parent === move.parent;
    if (!isChecked) snapshot.requireUnmoved(move.parent);
    await publisher.publish(move, turns);
  }
}

/**
 * Puts back the entries that were moved aside and not replaced, and resets modes and times of the existing directories. Returns the
 * error for the user. Its `treeChanged` is true if anything was published or could not be put back: the caller keeps no status rows
 * then.
 */
async function undo(
  { plan, snapshot, publisher, move }: Commit,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const { movedAside } = publisher;
  const kept = await movedAside.putBack();
  const changed = new Set(publisher.published.map(({ parent }) => parent.path));
  await snapshot.resetTimes(new Set([...movedAside.parents].filter(parent => !changed.has(parent))));
  for (const area of plan.areas) {
    if (kept.some(({ parent }) => parent.area === area)) area.keep();
    else await area.tryDiscard();
  }
  await publisher.applyFinalAttributes(plan);
  await snapshot.resetModes();
  const isChanged = publisher.hasBegun || kept.length > 0;
  if (error !== signal.reason) return commitFailure(error, kept, isChanged, move);
  return isChanged ? commitFailure(new TargetTreeError(CANCELLED, { cause: error }), kept, true) : error;
}

const CANCELLED = 'the step was cancelled while files were replaced; the next restore completes the tree';

function commitFailure(
  error: unknown,
  kept: readonly AsideItem[],
  treeChanged: boolean,
  move?: Move,
): TargetTreeError {
  const { message } =
    error instanceof TargetTreeError ? error : writeError(pathInTheWay(error as RenameError, move), error);
  const notes = kept.map(
    ({ path, parent }) =>
      `the previous ${showPath(path)} could not be put back; it is kept for one day in ${showPath(parent.area.parent)}, in a directory .cache-s3-*`,
  );
  return new TargetTreeError([message, ...notes].join('; '), { cause: error, treeChanged });
}

interface RenameError extends NodeJS.ErrnoException {
  readonly dest?: string;
}

/**
 * Returns the path in the error of a rename that is not in staging. On Windows Node writes it with `\\`. The error has U+FFFD in
 * place of bytes that are not UTF-8: then returns the path of the move.
 */
function pathInTheWay({ path, dest }: RenameError, move: Move | undefined): string {
  const paths = [dest, path]
    .filter(found => found !== undefined)
    .map(found => String(found).replace(/[/\\]$/, ''));
  const visible = paths.find(found => !found.split(/[/\\]/).some(isStagingName)) ?? 'a file of the cache';
  return move && visible.includes('\ufffd') ? move.to : visible;
}

/** Sorts moves: directories, files, hard links. Symlinks are last, so that no other move leads through one of them. */
function orderMoves({ moves, entries }: TargetPlan): Move[] {
  const rank = ({ isTree, entry: index }: Move) => {
    if (isTree) return 0;
    const entry = entries[index]!;
    if (inodeOf(entry, entries).type === EntryType.symlink) return 3;
    return entry.type === EntryType.hardLink ? 2 : 1;
  };
  return moves.toSorted((a, b) => rank(a) - rank(b));
}
