import { copyFileSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../test/support/random.ts';

export const editKinds = ['changed', 'added', 'removed'] as const;
type EditKind = (typeof editKinds)[number];

/** The places of edits: random files, or as few subtrees as have their number of files. */
export const spreads = ['scattered', 'in few subtrees'] as const;
type EditSpread = (typeof spreads)[number];

export interface Edit {
  readonly kind: EditKind;
  readonly spread: EditSpread;
  /** The share of all files, 0 to 1. */
  readonly share: number;
  /** The time of every other file is set too. */
  readonly touchesAll?: boolean;
}

export function describeEdit({ kind, spread, share, touchesAll }: Edit): string {
  const edited = share === 0 ? 'nothing changed' : `${share * 100} % ${kind}, ${spread}`;
  return touchesAll ? `${edited}, all touched` : edited;
}

/** Returns all regular files below `root`, in the same order for the same tree. */
function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath, entry.name))
    .sort();
}

/** Edits the tree below `root`. The same tree, edit and seed give the same result. */
export function applyEdit(root: string, edit: Edit, seed: number): void {
  const random = new SeededRandom(seed);
  const files = filesIn(root);
  const now = new Date();
  if (edit.touchesAll) for (const file of files) utimesSync(file, now, now);
  const count = Math.round(files.length * edit.share);
  const chosen =
    edit.spread === 'scattered' ? scattered(files, count, random) : subtrees(root, files, count, random);
  // Content of the same kind compresses like the rest
  const donor = () => files[random.below(files.length)]!;
  for (const file of chosen) {
    if (edit.kind === 'removed') rmSync(file);
    else if (edit.kind === 'changed') replace(file, other(file, donor));
    else copyFileSync(donor(), path.join(path.dirname(file), `added-${path.basename(file)}`));
  }
  if (edit.kind === 'removed' && edit.spread !== 'scattered') removeEmpty(root);
}

function scattered(files: readonly string[], count: number, random: SeededRandom): string[] {
  return random.shuffled(files).slice(0, count);
}

/** Returns the files of whole top-level directories, and a part of the last one. */
function subtrees(root: string, files: readonly string[], count: number, random: SeededRandom): string[] {
  const bySubtree = Map.groupBy(files, file => path.relative(root, file).split(path.sep, 1)[0]!);
  const order = random.shuffled([...bySubtree.values()]);
  return order.flat().slice(0, count);
}

function other(file: string, donor: () => string): string {
  let content = donor();
  while (content === file) content = donor();
  return content;
}

/** Writes another file under the same name, as a build does. */
function replace(file: string, content: string): void {
  rmSync(file);
  copyFileSync(content, file);
}

function removeEmpty(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const below = path.join(directory, entry.name);
    removeEmpty(below);
    if (readdirSync(below).length === 0) rmSync(below, { recursive: true });
  }
}
