import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fsPath } from './names.ts';
import type { Platform } from './platform.ts';

/** Whether the file system that a path lies on, or would lie on, takes names that differ only in case for one. */
export type FoldsCase = (path: string) => boolean;

/** One spelling for all names that a folding file system of this platform takes for one. */
export function foldCase(name: string, platform: Platform): string {
  if (platform.foldsLetters)
    return Array.from({ length: name.length }, (_, at) => foldLetter(name[at]!)).join('');
  // APFS also takes composed and decomposed letters for the same. Upper case first: some letters have one of two lower
  // ones, such as the two sigmas
  return name.normalize('NFC').toUpperCase().toLowerCase();
}

/** By the one capital that a letter has, where it has one: a table of NTFS maps each UTF-16 unit to one other. */
function foldLetter(letter: string): string {
  const upper = letter.toUpperCase();
  return upper.length === 1 ? upper : letter.toLowerCase();
}

/** The spelling in which paths are the same path on their disk. */
export function pathKeys(platform: Platform, foldsCase: FoldsCase): (path: string) => string {
  return platform.mayFoldCase ? path => (foldsCase(path) ? foldCase(path, platform) : path) : path => path;
}

/**
 * Looks at the disk, once for each device. A device on which nothing can be found out counts as folding: that is what
 * the systems that are asked make by default.
 */
export function createCaseProbe(): FoldsCase {
  const ofDevice = new Map<number, boolean>();
  const ofDirectory = new Map<string, boolean>();
  return path => {
    const known = ofDirectory.get(path);
    if (known !== undefined) return known;
    const own = statOf(path);
    // What is no directory yet will lie where its parent lies; many roots may have one parent
    const directory = own?.isDirectory() ? path : dirname(path);
    const folds = ofDirectory.get(directory) ?? ofNearest(directory, ofDevice);
    ofDirectory.set(directory, folds);
    return folds;
  };
}

function ofNearest(directory: string, ofDevice: Map<number, boolean>): boolean {
  const found = nearestDirectory(directory);
  if (!found) return true;
  const { dev } = found.stats;
  const folds = ofDevice.get(dev) ?? looksFolded(found.directory, dev);
  ofDevice.set(dev, folds);
  return folds;
}

function nearestDirectory(path: string): { directory: string; stats: Stats } | undefined {
  for (let at = path; ; at = dirname(at)) {
    const stats = statOf(at);
    if (stats?.isDirectory()) return { directory: at, stats };
    if (dirname(at) === at) return undefined;
  }
}

/** Whether something on the device of `directory` is found under its name in the other case as well. */
function looksFolded(directory: string, dev: number): boolean {
  for (let at = directory; ; at = dirname(at)) {
    const parent = dirname(at);
    // A mount point's own name lies on the device above it: something in it tells
    if (parent === at || statOf(parent)?.dev !== dev) return looksFoldedInside(at);
    const folded = isFoundSwapped(parent, basename(at));
    if (folded !== undefined) return folded;
  }
}

function looksFoldedInside(directory: string): boolean {
  try {
    for (const name of readdirSync(fsPath(directory), 'utf8')) {
      const folded = isFoundSwapped(directory, name);
      if (folded !== undefined) return folded;
    }
  } catch {
    // It may not be listed
  }
  return true;
}

/** undefined: the name has no letters of two cases. */
function isFoundSwapped(directory: string, name: string): boolean | undefined {
  const swapped = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (swapped === name) return undefined;
  const [own, other] = [statOf(join(directory, name)), statOf(join(directory, swapped))];
  return own === undefined ? undefined : own.ino === other?.ino && own.dev === other.dev;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(fsPath(path), { throwIfNoEntry: false });
  } catch {
    // Not to be searched, or below a file: there is nothing that we could see
    return undefined;
  }
}
