import { chmodSync, lstatSync, readdirSync, renameSync, statSync } from 'node:fs';
import { type Entry, EntryType } from '../entry.ts';
import { TargetTreeError } from '../errors.ts';
import { decodeName, fsPath, printable } from '../names.ts';
import { unwritable } from '../unpack-frames.ts';
import { applyAttributes, attributesOf, type DirectoryAttributes } from './directory-attributes.ts';
import { Displaced } from './displaced.ts';
import { setAttributes } from './stage.ts';
import type { StagingArea } from './staging.ts';
import type { ExistingDirectory, Move, TargetPlan } from './target-plan.ts';
import { giveWrite, makeWritable } from './writable.ts';

/** How often a rename is tried again when another job puts something in its way meanwhile. */
const ATTEMPTS = 20;

/**
 * Makes a staged restore visible: renames only, nothing that waits for a network or for disk space. A kill in between
 * leaves whole files of both states.
 * Throws `TargetTreeError` when something has changed since the plan; what is published by then stays.
 */
export function commit(plan: TargetPlan, entries: readonly Entry[]): void {
  const existing = unsettled(plan);
  const merged: MergedDirectory[] = [];
  const published: Move[] = [];
  const displaced = new Displaced();
  try {
    recheck(existing);
    for (const { path, parent, directory } of plan.displaced) {
      if (directory) displaced.takeDirectory(path, parent.path, parent.area);
      else displaced.takeOther(path, parent.path, parent.area);
    }
    for (const move of publicationOrder(plan.moves, entries)) {
      publish(move, displaced, merged);
      published.push(move);
    }
  } catch (error) {
    displaced.putBack();
    throw error instanceof TargetTreeError
      ? error
      : unwritable(String((error as NodeJS.ErrnoException).path ?? ''), error);
  } finally {
    // Staging before the final times: its removal touches the directories that it stands in
    for (const area of plan.areas) tolerant(() => area.remove());
    finish(existing, published, entries, merged);
  }
}

/** All but the directories that are as they should be and that nothing is done in. */
function unsettled({ existing, moves, displaced, areas }: TargetPlan): ExistingDirectory[] {
  const touched = new Set([...moves, ...displaced].map(({ parent }) => parent));
  const stagedIn = new Set(areas.map(area => area.parent));
  return existing.filter(
    directory => !directory.settled || touched.has(directory) || stagedIn.has(directory.path),
  );
}

/** A directory that another job had published first, and the attributes that ours would have had. */
interface MergedDirectory {
  readonly path: string;
  readonly attributes: DirectoryAttributes;
}

/** Between the plan and now another process may have put a link where a directory was. */
function recheck(existing: readonly ExistingDirectory[]): void {
  for (const { path, followed } of existing) {
    if (followed) continue;
    if (!isDirectory(path))
      throw new TargetTreeError(`${printable(path)} was a directory and is none any more`);
  }
}

/** Directories, files, then the links that may point to them. */
function publicationOrder(moves: readonly Move[], entries: readonly Entry[]): Move[] {
  const rank = ({ tree, entry }: Move) => (tree ? 0 : entries[entry]!.type === EntryType.file ? 1 : 2);
  return [0, 1, 2].flatMap(wanted => moves.filter(move => rank(move) === wanted));
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
    if (code !== 'EISDIR' && code !== 'ENOTEMPTY' && code !== 'EEXIST') return 'blocked';
    displaced.takeDirectory(to, parent, area);
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
    if (code === 'ENOTDIR') displaced.takeOther(to, parent, area);
    else if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') return 'blocked';
    else if (lstatSync(fsPath(to), { throwIfNoEntry: false })?.isDirectory()) {
      merge(from, to, area, displaced, merged);
      return 'done';
    }
    return 'clear';
  });
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
      makeWritable(parent, () => renameSync(fsPath(from), fsPath(to)));
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

/** Modes and times of every directory that was touched, deepest first. */
function finish(
  existing: readonly ExistingDirectory[],
  published: readonly Move[],
  entries: readonly Entry[],
  merged: readonly MergedDirectory[],
): void {
  for (const { path, attributes } of merged.toReversed()) {
    tolerant(() => isDirectory(path) && applyAttributes(path, attributes));
  }
  for (const { to, tree, entry } of published) {
    if (tree && entry >= 0) tolerant(() => isDirectory(to) && setAttributes(to, entries[entry]!, 0));
  }
  for (const { path, entry, mode, followed } of existing.toReversed()) {
    tolerant(() => {
      if (!followed && !isDirectory(path)) return;
      if (entry >= 0) setAttributes(path, entries[entry]!, 0);
      else chmodIfChanged(path, mode);
    });
  }
}

/** A link may have taken its place: what that points to is none of ours. */
function isDirectory(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function chmodIfChanged(path: string, mode: number): void {
  if ((statSync(fsPath(path)).mode & 0o7777) !== mode) chmodSync(fsPath(path), mode);
}

/** Attributes of a directory that is another user's, or that another job has replaced, are not worth a restore. */
function tolerant(change: () => unknown): void {
  try {
    change();
  } catch {
    // Content is what was promised; it is in place
  }
}
