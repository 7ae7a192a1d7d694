import { DamagedArchiveError } from '../archive-errors.ts';
import { createCaseProbe, type FoldsCase, foldCase, pathKeys } from '../fs/case-folding.ts';
import type { PathLayout } from '../fs/layout.ts';
import { compareNames } from '../fs/names.ts';
import { RootPaths } from '../fs/nesting.ts';
import { MAX_MTIME_US, type Platform, thisPlatform } from '../fs/platform.ts';
import { checkFrames, DataPlacement } from './data-placement.ts';
import { type Entry, EntryType, type Manifest, parentName } from './entry.ts';

/**
 * Everything that a manifest may not say, found before a byte of data is asked for. An archive is refused whole: what
 * does not hold in one place cannot be trusted in another.
 *
 * Nothing is reached through a link of the same archive: an entry stands in a directory of the archive, or it is a root,
 * which the step's paths name themselves and which lies below no other root. Nor does any name lead upwards. The coding
 * of names (manifest.ts) promises neither: at depth 0 it holds any name.
 *
 * Returns the roots, which stand in no directory of the archive. Throws `DamagedArchiveError`.
 */
export function validate(
  manifest: Manifest,
  manifestStart: number,
  layout: PathLayout,
  platform: Platform = thisPlatform,
  foldsCase: FoldsCase = createCaseProbe(),
): readonly Entry[] {
  checkFrames(manifest.frames, manifestStart);
  const directories = new Set<string>();
  const roots: Entry[] = [];
  const data = new DataPlacement(manifest.frames);
  let previous: Entry | undefined;
  manifest.entries.forEach((entry, index) => {
    if (previous && compareNames(previous.name, entry.name) >= 0)
      refuse(entry.name, 'is out of order or there twice');
    previous = entry;
    checkFields(entry, index, manifest.entries);
    const parent = parentName(entry.name);
    if (directories.has(parent)) checkChild(entry, parent, layout);
    else {
      checkRoot(entry, manifest.entries, layout, platform);
      roots.push(entry);
    }
    if (platform.forbiddenInComponents) checkComponents(entry.name, platform.forbiddenInComponents);
    if (entry.type === EntryType.directory) {
      if (holds(manifest.entries, entry.name.slice(0, -1))) refuse(entry.name, 'is there twice');
      directories.add(entry.name);
    }
    const misplaced = data.add(entry);
    if (misplaced !== undefined) refuse(entry.name, misplaced);
  });
  checkNesting(roots, manifest.entries, layout, pathKeys(platform, foldsCase));
  if (platform.mayFoldCase) checkCase(manifest.entries, new Set(roots), layout, platform, foldsCase);
  return roots;
}

function refuse(name: string, why: string): never {
  throw new DamagedArchiveError(`its entry ${name} ${why}`);
}

function checkFields(entry: Entry, index: number, entries: readonly Entry[]): void {
  const { name, type } = entry;
  if (!(type in TYPE_NAMES)) refuse(name, 'is of an unknown type');
  if (name.endsWith('/') !== (type === EntryType.directory)) refuse(name, 'is named unlike its type');
  if (entry.mode > 0o7777) refuse(name, 'has an impossible mode');
  if (entry.mtimeUs < 0 || entry.mtimeUs > MAX_MTIME_US) refuse(name, 'has an impossible time');
  if (entry.uid < -1 || entry.gid < -1 || entry.uid > 0xfffffffe || entry.gid > 0xfffffffe)
    refuse(name, 'has an impossible owner');
  if (entry.size > 0 && type !== EntryType.file) refuse(name, 'has data, but is not a file');
  if (type === EntryType.symlink && entry.target === '') refuse(name, 'points nowhere');
  if (type === EntryType.hardLink && entries[entry.linkTo]?.type !== EntryType.file)
    refuse(name, 'is a hard link to no file of this archive');
  if (type === EntryType.hardLink && entry.linkTo >= index) refuse(name, 'is a hard link to a later entry');
}

const TYPE_NAMES = Object.fromEntries(Object.entries(EntryType).map(([name, value]) => [value, name]));

const NOT_PLAIN = 'is not a plain path';
const THROUGH = 'goes through a file or link of the same archive';

const STORED_ROOT = /^(?:\.\/|~\/|\/|[A-Za-z]:\/)/;
const SHARE = /^\/\/(?=[^/])/;

/** An entry that stands in a directory of the archive, at whatever depth the manifest has it. */
function checkChild(entry: Entry, parent: string, layout: PathLayout): void {
  const { name, type } = entry;
  const component = name.slice(parent.length, type === EntryType.directory ? -1 : undefined);
  if (component === '' || component === '.' || component === '..') refuse(name, NOT_PLAIN);
  if (layout.hasExclusions && !isPermitted(entry, layout)) refuse(name, 'is excluded by `path`');
}

/** An entry that stands in no directory of the archive. */
function checkRoot(entry: Entry, entries: readonly Entry[], layout: PathLayout, platform: Platform): void {
  const { name } = entry;
  const anchor = ((platform.hasShares && SHARE.exec(name)) || STORED_ROOT.exec(name))?.[0];
  if (anchor === undefined) refuse(name, 'does not begin with `./`, `~/` or `/`');
  const rest = name.slice(anchor.length).replace(/\/$/, '');
  if (
    name.includes('\0') ||
    (rest !== '' && rest.split('/').some(part => part === '' || part === '.' || part === '..'))
  ) {
    refuse(name, NOT_PLAIN);
  }
  for (
    let at = name.indexOf('/', anchor.length);
    at > 0 && at < name.length - 1;
    at = name.indexOf('/', at + 1)
  ) {
    if (holds(entries, name.slice(0, at))) refuse(name, THROUGH);
  }
  if (!isPermitted(entry, layout)) refuse(name, 'is not named by the `path` of this step');
  // A save takes a directory with what is in it. Without its entry, a link that stands there on the disk would be
  // taken for one above the step's paths, and followed
  const parent = parentName(name);
  if (parent !== '' && layout.permits(parent))
    refuse(name, 'stands in a directory that is not in the archive');
}

/** A save takes a link to a directory for one, as @actions/glob does. What a link will lead to here does not matter. */
function isPermitted({ name, type }: Entry, layout: PathLayout): boolean {
  return layout.permits(name) || (type === EntryType.symlink && layout.permits(`${name}/`));
}

/**
 * One directory may have several stored names, and `checkRoot` has looked at the names alone. By their places, no two
 * roots are one, and one lies below another only where the step leaves out what is in between.
 */
function checkNesting(
  roots: readonly Entry[],
  entries: readonly Entry[],
  layout: PathLayout,
  keyOf: (path: string) => string,
): void {
  const paths = new RootPaths<Entry>(keyOf);
  for (const root of roots) {
    const other = paths.add(layout.toAbsolute(root.name), root);
    if (other) refuse(root.name, `is there twice, as ${other.name} too`);
  }
  for (const { name } of roots) {
    const above = paths.above(layout.toAbsolute(name));
    if (!above) continue;
    if (above.root.type !== EntryType.directory) refuse(name, THROUGH);
    // What the other root's own names are for the directories in between
    let parent = above.root.name;
    for (const component of above.components.slice(0, -1)) {
      if (holds(entries, parent + component)) refuse(name, THROUGH);
      parent += `${component}/`;
    }
    if (holds(entries, parent) || layout.permits(parent))
      refuse(name, `lies in ${above.root.name}, under another name`);
  }
}

/** Whether the (sorted) entries hold this name. */
function holds(entries: readonly Entry[], name: string): boolean {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareNames(entries[middle]!.name, name) < 0) low = middle + 1;
    else high = middle;
  }
  return entries[low]?.name === name;
}

function checkComponents(name: string, forbidden: RegExp): void {
  const plain = name.replace(/^[A-Za-z]:\//, '').replace(/^~?\.?\//, '');
  if (plain.split('/').some(component => component !== '' && forbidden.test(component))) {
    refuse(name, 'cannot exist on this system');
  }
}

/** Names that differ only in case would overwrite each other. Only where the disk folds case in fact. */
function checkCase(
  entries: readonly Entry[],
  roots: ReadonlySet<Entry>,
  layout: PathLayout,
  platform: Platform,
  foldsCase: FoldsCase,
): void {
  const foldingDirectories = new Set<string>();
  const seen = new Set<string>();
  for (const entry of entries) {
    const { name, type } = entry;
    const folds = roots.has(entry)
      ? foldsCase(layout.toAbsolute(name))
      : foldingDirectories.has(parentName(name));
    if (!folds) continue;
    if (type === EntryType.directory) foldingDirectories.add(name);
    const folded = foldCase(name, platform).replace(/\/$/, '');
    if (seen.has(folded))
      refuse(name, 'differs only in case from another, and this file system cannot tell them apart');
    seen.add(folded);
  }
}
