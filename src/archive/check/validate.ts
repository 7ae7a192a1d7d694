/** This folder checks a manifest against the format, the step's paths and this machine, before a restore requests data. */

import { DamagedArchiveError, UnusableArchiveError } from '../archive-errors.ts';
import { type Entry, EntryType, type Frame, type Manifest, parentName } from '../format/entry.ts';
import type { EntryCheckFactory } from '../format/manifest/manifest-reader.ts';
import { OpenDirectories } from '../format/open-directories.ts';
import { MAX_MTIME_US } from '../fs/file-times.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { compareNames, shortenName } from '../fs/paths/names.ts';
import { hasPlainComponents, isPlainComponent, parseStoredName } from '../fs/paths/stored-name.ts';
import { thisPlatform } from '../fs/platform.ts';
import { forEachInTurns, Turns } from '../turns.ts';
import { checkFrames, DataPlacement } from './data-placement.ts';
import { findCaseTwin, MachineLimits } from './machine-limits.ts';
import { BELOW_LEAF, type EntryFault, findNestedRoot } from './root-nesting.ts';

/**
 * Checks a manifest before any data is requested. One invalid entry makes the whole archive invalid.
 *
 * Ensures that no entry is written through a link of the archive: its parent is a directory of the archive, or it is a root. The
 * step's paths name each root, and no root is below another one. Ensures that no name contains `..`. The encoding of names
 * (entry-reader.ts) ensures neither: an entry at depth 0 can have any name.
 *
 * `manifestStart` is the number of bytes before the manifest. Returns the roots: the entries whose parent is not in the archive.
 * Throws `DamagedArchiveError`, `UnusableArchiveError` if only this machine cannot restore the archive, and the signal's reason.
 */
export async function validate(
  manifest: Manifest,
  manifestStart: number,
  layout: PathLayout,
  signal?: AbortSignal,
): Promise<readonly Entry[]> {
  const { entries } = manifest;
  checkFrames(manifest.frames, manifestStart);
  const limits = new MachineLimits(layout);
  const validator = new Validator(manifest.frames, entries.length, layout);
  // Damage takes precedence, because then a save may replace the object
  let unusable: EntryFault | undefined;
  await forEachInTurns(entries, signal, (entry, index) => {
    const refusal = validator.check(entry, index);
    const why = unusable ? undefined : (limits.faultOf(entry.name) ?? refusal);
    if (why !== undefined) unusable = { name: entry.name, why };
  });
  const { roots } = validator;
  const foldsCase = thisPlatform.createCaseProbe();
  const turns = new Turns(signal);
  unusable ??= await findNestedRoot(entries, roots, layout, foldsCase, turns);
  unusable ??= await findCaseTwin(entries, roots, layout, foldsCase, turns);
  if (unusable) throw new UnusableArchiveError(sentenceOf(unusable.name, unusable.why));
  return roots;
}

/** Returns a check of one entry after the other that finds damage, and keeps no entry. */
export function entryCheckOf(layout: PathLayout): EntryCheckFactory {
  return (frames, entries) => {
    const validator = new Validator(frames, entries, layout);
    return (entry, index) => {
      validator.check(entry, index);
      validator.roots.length = 0;
    };
  };
}

function sentenceOf(name: string, why: string): string {
  return `its entry ${shortenName(name)} ${why}`;
}

function refuse(name: string, why: string): never {
  throw new DamagedArchiveError(sentenceOf(name, why));
}

const NOT_PLAIN = 'has an empty, `.` or `..` component';
const LINKABLE: ReadonlySet<EntryType | undefined> = new Set([EntryType.file, EntryType.symlink]);
const TYPES: ReadonlySet<number> = new Set(Object.values(EntryType));

/** Checks entries in their order. Throws `DamagedArchiveError`. */
class Validator {
  readonly roots: Entry[] = [];
  /** The name of the latest entry. */
  #previous: string | undefined;
  /** Type of each entry. */
  readonly #types: Uint8Array;
  readonly #layout: PathLayout;
  readonly #open = new OpenDirectories<Entry>();
  /** Names of files and links with which the latest name begins, the longest last. */
  readonly #leaves: string[] = [];
  readonly #data: DataPlacement;

  constructor(frames: readonly Frame[], entries: number, layout: PathLayout) {
    this.#types = new Uint8Array(entries);
    this.#layout = layout;
    this.#data = new DataPlacement(frames);
  }

  /** Returns why only this machine refuses the path of the entry, as the end of a sentence. Returns undefined if it does not. */
  check(entry: Entry, index: number): string | undefined {
    const parent = this.#open.parentOf(entry.name);
    // The previous name begins with the parent's name too
    if (this.#previous !== undefined && compareNames(this.#previous, entry.name, parent?.name.length) >= 0)
      refuse(entry.name, 'is a duplicate or not in byte order');
    this.#previous = entry.name;
    this.#checkFields(entry, index);
    this.#types[index] = entry.type;
    const inodeType = entry.linkTo < 0 ? entry.type : this.#types[entry.linkTo];
    const isSymlink = inodeType === EntryType.symlink;
    const refusal = parent ? this.#checkChild(entry, parent, isSymlink) : this.#checkRoot(entry, isSymlink);
    this.#checkLeaves(entry, parent === undefined);
    if (!parent) this.roots.push(entry);
    if (entry.type === EntryType.directory) this.#open.enter(entry);
    const fault = this.#data.add(entry);
    if (fault !== undefined) refuse(entry.name, fault);
    return refusal;
  }

  /** Refuses a directory `a/` beside a file or link `a`, and a root below `a`: the names between them all begin with `a`. */
  #checkLeaves({ name, type }: Entry, isRoot: boolean): void {
    const leaves = this.#leaves;
    while (leaves.length > 0 && !name.startsWith(leaves[leaves.length - 1]!)) leaves.pop();
    if (isRoot && leaves.some(({ length }) => name[length] === '/' && length < name.length - 1))
      refuse(name, BELOW_LEAF);
    if (type !== EntryType.directory) leaves.push(name);
    else if (leaves[leaves.length - 1]?.length === name.length - 1)
      refuse(name, 'is also an entry of another type');
  }

  #checkFields(entry: Entry, index: number): void {
    const { name, type } = entry;
    if (!TYPES.has(type)) refuse(name, 'is of an unknown type');
    if (name.endsWith('/') !== (type === EntryType.directory))
      refuse(name, 'has a name that does not fit its type');
    if (entry.mode > 0o7777) refuse(name, 'has an impossible mode');
    if (entry.mtimeUs < 0 || entry.mtimeUs > MAX_MTIME_US || entry.mtimeRestNs > 999)
      refuse(name, 'has an impossible time');
    if (entry.uid < -1 || entry.gid < -1 || entry.uid > 0xfffffffe || entry.gid > 0xfffffffe)
      refuse(name, 'has an impossible owner');
    if (entry.size > 0 && type !== EntryType.file) refuse(name, 'has data, but is not a file');
    if (type === EntryType.symlink && entry.target === '') refuse(name, 'has an empty link target');
    if (type === EntryType.hardLink && !LINKABLE.has(this.#types[entry.linkTo] as EntryType | undefined))
      refuse(name, 'is a hard link, but not to a file or symlink of this archive');
    if (type === EntryType.hardLink && entry.linkTo >= index) refuse(name, 'is a hard link to a later entry');
  }

  /** Checks an entry whose parent is in the archive, at any depth in the manifest. */
  #checkChild({ name, type }: Entry, parent: Entry, isSymlink: boolean): string | undefined {
    const component = name.slice(parent.name.length, type === EntryType.directory ? -1 : undefined);
    if (!isPlainComponent(component)) refuse(name, NOT_PLAIN);
    if (!this.#layout.hasExclusions || this.#isPermitted(name, isSymlink)) return undefined;
    return this.#refusePath(name, name, 'is excluded by `path`');
  }

  /** Checks an entry whose parent is not in the archive. */
  #checkRoot({ name }: Entry, isSymlink: boolean): string | undefined {
    const stored = parseStoredName(name, thisPlatform.hasShares);
    if (stored.start === '') refuse(name, 'does not begin with `./`, `~/` or `/`');
    if (!hasPlainComponents(stored)) refuse(name, NOT_PLAIN);
    if (!this.#isPermitted(name, isSymlink))
      return this.#refusePath(name, name, 'is outside the `path` of this step');
    // A save includes the directory of each entry below the step's paths. Without it, a link on the disk in place of the
    // directory would be treated as one above the step's paths, and followed
    const parent = parentName(name);
    if (parent === '' || !this.#layout.permits(parent)) return undefined;
    return this.#refusePath(name, parent, 'has a parent that `path` includes and the archive does not');
  }

  /**
   * Refuses an entry because `path` excludes or includes the name `decided`. Throws if it does so on every machine, and returns
   * the reason if another machine may have saved the archive with the same `path`.
   */
  #refusePath(name: string, decided: string, why: string): string {
    if (!this.#layout.dependsOnMachine(decided)) refuse(name, why);
    return `${why} on this machine`;
  }

  /**
   * Returns whether `path` includes the entry. A save treats a link to a directory as a directory, as @actions/glob does,
   * also if the link has another target on this machine.
   */
  #isPermitted(name: string, isSymlink: boolean): boolean {
    return this.#layout.permits(name) || (isSymlink && this.#layout.permits(`${name}/`));
  }
}
