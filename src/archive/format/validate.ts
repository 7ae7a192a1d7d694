import { DamagedArchiveError } from '../archive-errors.ts';
import { createCaseProbe, type FoldsCase, foldCase, pathKeys } from '../fs/case-folding.ts';
import { MAX_MTIME_US } from '../fs/file-times.ts';
import type { PathLayout } from '../fs/layout.ts';
import { compareNames } from '../fs/names.ts';
import { RootPaths } from '../fs/nesting.ts';
import { type Platform, thisPlatform } from '../fs/platform.ts';
import { checkFrames, DataPlacement } from './data-placement.ts';
import { type Entry, EntryType, inodeOf, type Manifest, parentName } from './entry.ts';

/**
 * Checks a manifest before any data is requested. One invalid entry makes the whole archive invalid.
 *
 * No entry is reached through a link of the same archive: its parent is a directory of the archive, or it is a root, which
 * the step's paths name and which is below no other root. No name contains `..`. The encoding of names
 * (manifest-reader.ts) ensures neither: an entry at depth 0 can have any name.
 *
 * Returns the roots: the entries whose parent is not in the archive. Throws `DamagedArchiveError`.
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
      refuse(entry.name, 'is a duplicate or not in byte order');
    previous = entry;
    checkFields(entry, index, manifest.entries);
    const parent = parentName(entry.name);
    const isSymlink = inodeOf(entry, manifest.entries).type === EntryType.symlink;
    if (directories.has(parent)) checkChild(entry, parent, layout, isSymlink);
    else {
      checkRoot(entry, manifest.entries, layout, platform, isSymlink);
      roots.push(entry);
    }
    if (platform.forbiddenInComponents) checkComponents(entry.name, platform.forbiddenInComponents);
    if (entry.type === EntryType.directory) {
      if (hasEntry(manifest.entries, entry.name.slice(0, -1)))
        refuse(entry.name, 'is also an entry of another type');
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
  if (name.endsWith('/') !== (type === EntryType.directory))
    refuse(name, 'has a name that does not fit its type');
  if (entry.mode > 0o7777) refuse(name, 'has an impossible mode');
  if (entry.mtimeUs < 0 || entry.mtimeUs > MAX_MTIME_US || entry.mtimeRestNs > 999)
    refuse(name, 'has an impossible time');
  if (entry.uid < -1 || entry.gid < -1 || entry.uid > 0xfffffffe || entry.gid > 0xfffffffe)
    refuse(name, 'has an impossible owner');
  if (entry.size > 0 && type !== EntryType.file) refuse(name, 'has data, but is not a file');
  if (type === EntryType.symlink && entry.target === '') refuse(name, 'has an empty link target');
  if (type === EntryType.hardLink && !LINKABLE.has(entries[entry.linkTo]?.type))
    refuse(name, 'is a hard link, but not to a file or symlink of this archive');
  if (type === EntryType.hardLink && entry.linkTo >= index) refuse(name, 'is a hard link to a later entry');
}

const LINKABLE: ReadonlySet<EntryType | undefined> = new Set([EntryType.file, EntryType.symlink]);

const TYPE_NAMES = Object.fromEntries(Object.entries(EntryType).map(([name, value]) => [value, name]));

const NOT_PLAIN = 'has an empty, `.` or `..` component';
const THROUGH = 'is below a file or link of the same archive';

const STORED_ROOT = /^(?:\.\/|~\/|\/|[A-Za-z]:\/)/;
const SHARE = /^\/\/(?=[^/])/;

/** Checks an entry whose parent is in the archive, whatever its depth in the manifest. */
function checkChild(entry: Entry, parent: string, layout: PathLayout, isSymlink: boolean): void {
  const { name, type } = entry;
  const component = name.slice(parent.length, type === EntryType.directory ? -1 : undefined);
  if (component === '' || component === '.' || component === '..') refuse(name, NOT_PLAIN);
  if (layout.hasExclusions && !isPermitted(name, layout, isSymlink)) refuse(name, 'is excluded by `path`');
}

/** Checks an entry whose parent is not in the archive. */
function checkRoot(
  { name }: Entry,
  entries: readonly Entry[],
  layout: PathLayout,
  platform: Platform,
  isSymlink: boolean,
): void {
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
    if (hasEntry(entries, name.slice(0, at))) refuse(name, THROUGH);
  }
  if (!isPermitted(name, layout, isSymlink)) refuse(name, 'is outside the `path` of this step');
  // A save includes the directory of each entry below the step's paths. Without it, a link on the disk in place of the
  // directory would be treated as one above the step's paths, and followed
  const parent = parentName(name);
  if (parent !== '' && layout.permits(parent))
    refuse(name, 'has a parent that `path` includes and the archive does not');
}

/** A save treats a link to a directory as a directory, as @actions/glob does, wherever the link leads on this machine. */
function isPermitted(name: string, layout: PathLayout, isSymlink: boolean): boolean {
  return layout.permits(name) || (isSymlink && layout.permits(`${name}/`));
}

/**
 * Checks roots by their paths, because one directory may have several stored names: no two roots have one path, and a
 * root is below another one only if `path` excludes a directory between them.
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
    if (other) refuse(root.name, `has the same path as ${other.name}`);
  }
  for (const { name } of roots) {
    const above = paths.nearestAbove(layout.toAbsolute(name));
    if (!above) continue;
    if (above.root.type !== EntryType.directory) refuse(name, THROUGH);
    // The directories in between, by the names that the other root gives them
    let parent = above.root.name;
    for (const component of above.components.slice(0, -1)) {
      if (hasEntry(entries, parent + component)) refuse(name, THROUGH);
      parent += `${component}/`;
    }
    if (hasEntry(entries, parent) || layout.permits(parent))
      refuse(name, `is in ${above.root.name} under another name`);
  }
}

/** Returns whether the sorted entries include this name. */
function hasEntry(entries: readonly Entry[], name: string): boolean {
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
    refuse(name, 'is not a valid name on this system');
  }
}

/** Checks for names that differ only in case, if the disk folds case: they would overwrite each other. */
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
      refuse(name, 'differs only in case from another entry, and this file system treats them as one');
    seen.add(folded);
  }
}
