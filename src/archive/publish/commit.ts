import { lstatSync, readdirSync } from 'node:fs';
import { type Entry, EntryType } from '../entry.ts';
import { TargetTreeError } from '../errors.ts';
import { isDirectory } from '../file-status.ts';
import { decodeName, fsPath, printable } from '../names.ts';
import { unwritable } from '../tree-errors.ts';
import { applyAttributes, attributesOf, type DirectoryAttributes } from './directory-attributes.ts';
import { type Aside, Displaced } from './displaced.ts';
import { KnownDirectories } from './known-directories.ts';
import { rename } from './rename.ts';
import type { StagingArea } from './staging.ts';
import type { Move, TargetPlan } from './target-plan.ts';
import { tolerant } from './tolerant.ts';
import { giveWrite } from './writable.ts';

/** How often a rename is tried again when another job puts something in its way meanwhile. */
const ATTEMPTS = 20;

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
  const merged: MergedDirectory[] = [];
  const published: Move[] = [];
  const displaced = new Displaced();
  try {
    known.recheck();
    for (const { path, parent, directory } of plan.displaced) {
      if (directory) displaced.takeDirectory(path, parent.path, parent.area);
      else displaced.takeOther(path, parent.path, parent.area);
    }
    for (const move of publicationOrder(plan.moves, entries)) {
      // Files lead nowhere; a link does, and so may one that stands in a tree
      const isChecked = isFile(move, entries) && published.at(-1)?.parent === move.parent;
      if (!isChecked) known.requireSame(move.parent);
      publish(move, displaced, merged);
      published.push(move);
    }
  } catch (error) {
    const kept = displaced.putBack();
    const changed = new Set(published.map(({ parent }) => parent.path));
    known.giveTimesBack([...displaced.parents].filter(parent => !changed.has(parent)));
    for (const area of plan.areas) {
      if (!kept.some(aside => aside.area === area)) tolerant(() => area.discard());
    }
    finish(published, entries, merged);
    known.giveModesBack();
    throw failureOf(error, kept, published.length > 0 || kept.length > 0);
  }
  // Staging before the final times: its removal touches the directories that it stands in
  for (const area of plan.areas) tolerant(() => area.remove());
  finish(published, entries, merged);
  known.finish(entries);
}

function failureOf(error: unknown, kept: readonly Aside[], halfway: boolean): TargetTreeError {
  const failure =
    error instanceof TargetTreeError
      ? error
      : unwritable(String((error as NodeJS.ErrnoException).path ?? ''), error);
  for (const { path, aside } of kept)
    failure.message += `; what was at ${printable(path)} could not be put back and is kept for a day at ${printable(aside)}`;
  failure.halfway ||= halfway;
  return failure;
}

/** A directory that another job had published first, and the attributes that ours would have had. */
interface MergedDirectory {
  readonly path: string;
  readonly attributes: DirectoryAttributes;
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

function publish(move: Move, displaced: Displaced, merged: MergedDirectory[]): void {
  const { from, to, tree, parent } = move;
  if (tree) publishTree(from, to, parent.path, parent.area, displaced, merged);
  else publishFile(from, to, parent.path, parent.area, displaced);
}

function publishFile(
  from: string,
  to: string,
  parent: string,
  area: StagingArea,
  displaced: Displaced,
): void {
  renameInto(parent, from, to, code => {
    if (isRefusal(code) && isLink(to)) displaced.takeOther(to, parent, area);
    else if (code === 'EISDIR' || isTaken(code) || (isRefusal(code) && isDirectory(to)))
      displaced.takeDirectory(to, parent, area);
    else return 'blocked';
    return 'clear';
  });
}

function publishTree(
  from: string,
  to: string,
  parent: string,
  area: StagingArea,
  displaced: Displaced,
  merged: MergedDirectory[],
): void {
  renameInto(parent, from, to, code => {
    if (code === 'ENOTDIR' || (isRefusal(code) && isLink(to))) displaced.takeOther(to, parent, area);
    else if ((isTaken(code) || code === 'EPERM') && isDirectory(to)) {
      try {
        merge(from, to, area, displaced, merged);
      } catch (error) {
        throw failureOf(error, [], true);
      }
      return 'done';
    } else if (!isTaken(code)) return 'blocked';
    return 'clear';
  });
}

/** What a rename that would replace a directory fails with. */
function isTaken(code: string | undefined): boolean {
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

/** On Windows the code for everything, and so for a directory, or a link to one, that stands in the way. */
function isRefusal(code: string | undefined): boolean {
  return code === 'EPERM' || code === 'EACCES';
}

function isLink(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** What became of a place that was taken: free now, filled by other means, or still in the way. */
type Way = 'clear' | 'done' | 'blocked';

/** Renames into `parent`, and where something stands in the way asks `makeWay`, a few times at most. */
function renameInto(
  parent: string,
  from: string,
  to: string,
  makeWay: (code: string | undefined) => Way,
): void {
  for (let attempt = 1; ; attempt++) {
    try {
      rename(parent, from, to);
      return;
    } catch (error) {
      const way = attempt === ATTEMPTS ? 'blocked' : makeWay((error as NodeJS.ErrnoException).code);
      if (way === 'blocked') throw error;
      if (way === 'done') return;
    }
  }
}

/** Another job published this directory first: what we staged goes in piece by piece. */
function merge(
  from: string,
  to: string,
  area: StagingArea,
  displaced: Displaced,
  merged: MergedDirectory[],
): void {
  for (const found of readdirSync(fsPath(from), { withFileTypes: true, encoding: 'buffer' })) {
    const name = decodeName(found.name);
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (!found.isDirectory()) {
      publishFile(source, target, to, area, displaced);
      continue;
    }
    merged.push({ path: target, attributes: attributesOf(source) });
    // A directory that moves to another parent has its `..` rewritten: that takes the right to write it
    giveWrite(source);
    publishTree(source, target, to, area, displaced, merged);
  }
}

/** Modes and times of the directories that are new, deepest first. A link may have taken the place of one. */
function finish(
  published: readonly Move[],
  entries: readonly Entry[],
  merged: readonly MergedDirectory[],
): void {
  for (const { path, attributes } of merged.toReversed()) {
    tolerant(() => isDirectory(path) && applyAttributes(path, attributes));
  }
  for (const { to, tree, entry } of published) {
    if (tree && entry >= 0) tolerant(() => isDirectory(to) && applyAttributes(to, entries[entry]!));
  }
}
