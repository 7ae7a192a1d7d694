import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ignoreErrors } from '../ignore-errors.ts';
import { fsPath } from './names.ts';

/** Returns whether the file system of a path (that may not exist yet) treats names that differ only in case as one. */
export type CaseProbe = (path: string) => boolean;

/** Rules by which the file systems of a platform compare names. */
export interface CaseRules {
  /** Whether names that differ only in case may be one file. Whether they are depends on the disk. */
  readonly mayFoldCase: boolean;
  /** Creates the function that tests the disk. */
  readonly createCaseProbe: () => CaseProbe;
  /** Whether a disk that folds case maps single letters, as NTFS does. Otherwise it maps as APFS, for which ß is ss. */
  readonly foldsLetters: boolean;
}

/** Returns one spelling for all names that a case-folding file system of this platform treats as one. */
export function foldCase(name: string, { foldsLetters }: CaseRules): string {
  if (foldsLetters) return Array.from({ length: name.length }, (_, at) => foldLetter(name[at]!)).join('');
  // APFS also treats composed and decomposed letters as one. Upper case is first, because some capitals have two small letters,
  // such as sigma
  return name.normalize('NFC').toUpperCase().toLowerCase();
}

/** Folds one UTF-16 unit as the upcase table of NTFS does, which maps each unit to one other. */
function foldLetter(letter: string): string {
  const upper = letter.toUpperCase();
  return upper.length === 1 ? upper : letter.toLowerCase();
}

/** Returns a function that maps a path to its key: paths with equal keys are one path on their file system. */
export function pathKeys(rules: CaseRules, foldsCase: CaseProbe): (path: string) => string {
  return rules.mayFoldCase ? path => (foldsCase(path) ? foldCase(path, rules) : path) : path => path;
}

/**
 * Creates a probe that tests the disk once for each device. A device that cannot be tested counts as case-folding, which
 * is the default of the systems that fold case.
 */
export function createCaseProbe(): CaseProbe {
  const ofDevice = new Map<number, boolean>();
  // Many roots may have one parent
  const ofPath = new Map<string, boolean>();
  const foldsCase: CaseProbe = path => {
    const folds = ofPath.get(path) ?? probe(path);
    ofPath.set(path, folds);
    return folds;
  };
  const probe: CaseProbe = path => {
    const stats = statOrUndefined(path);
    // A path that does not exist yet will be on the device of its parent
    if (!stats?.isDirectory()) return dirname(path) === path || foldsCase(dirname(path));
    const folds = ofDevice.get(stats.dev) ?? foldsCaseAt(path, stats.dev);
    ofDevice.set(stats.dev, folds);
    return folds;
  };
  return foldsCase;
}

/** Returns whether a name on the device of `directory` can also be found in the other case. */
function foldsCaseAt(directory: string, dev: number): boolean {
  for (let at = directory; ; at = dirname(at)) {
    const parent = dirname(at);
    // The name of a mount point is on the device above it: test a name inside
    if (parent === at || statOrUndefined(parent)?.dev !== dev) return foldsCaseInside(at);
    const isFolded = existsInOtherCase(parent, basename(at));
    if (isFolded !== undefined) return isFolded;
  }
}

/** Tests the disk with a name in the directory. Returns true if none can be tested. */
function foldsCaseInside(directory: string): boolean {
  for (const name of ignoreErrors(() => readdirSync(fsPath(directory), 'utf8')) ?? []) {
    const isFolded = existsInOtherCase(directory, name);
    if (isFolded !== undefined) return isFolded;
  }
  return true;
}

/** Returns whether a name is also found in the other case. Returns undefined if it has no other case, or does not exist. */
function existsInOtherCase(directory: string, name: string): boolean | undefined {
  const swapped = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (swapped === name) return undefined;
  const [own, other] = [statOrUndefined(join(directory, name)), statOrUndefined(join(directory, swapped))];
  return own === undefined ? undefined : own.ino === other?.ino && own.dev === other.dev;
}

function statOrUndefined(path: string): Stats | undefined {
  // The path may go through a file, or a directory that cannot be searched
  return ignoreErrors(() => statSync(fsPath(path), { throwIfNoEntry: false }));
}
