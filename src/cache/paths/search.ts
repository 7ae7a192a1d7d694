import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isTooLong, isUnresolvable, realPathOf, statFile } from '../../archive/fs/file-status.ts';
import { decodeName, fsPath } from '../../archive/fs/names.ts';
import type { Pattern } from './patterns.ts';

export interface SearchOptions {
  /** The spelling of a path in which patterns match it. */
  readonly comparable: (absolute: string) => string;
  /** Something in a directory that matches may be taken out again: there, more is looked for. */
  readonly exclusions: boolean;
}

/**
 * What stands on the disk under a name that one of the patterns matches, absolute, in no order, perhaps twice.
 *
 * As @actions/glob 0.7.0 does (internal-globber.js), it goes through links to directories, but not back to one that it
 * came through. Unlike that, it takes a link for a name like any other, wherever it leads, where that gives all up for
 * a link to itself; it reads names that are not UTF-8; and it looks for nothing in a directory that is saved whole.
 *
 * Throws the system's error for a directory that cannot be searched.
 */
export function* search(patterns: readonly Pattern[], options: SearchOptions): Generator<string> {
  for (const [lead, group] of Map.groupBy(patterns, pattern => pattern.lead)) {
    if (statFile(lead, false)?.isDirectory()) yield* below(lead, [realPathOf(lead)], group, options);
  }
}

/** `cameThrough`: the real paths of the directories from the lead to this one. */
function* below(
  directory: string,
  cameThrough: readonly string[],
  patterns: readonly Pattern[],
  options: SearchOptions,
): Generator<string> {
  for (const entry of entriesOf(directory)) {
    const component = decodeName(entry.name);
    const real = entry.isDirectory() ? join(cameThrough.at(-1)!, component) : undefined;
    // A link has led up again, above the lead perhaps
    if (real !== undefined && cameThrough.includes(real)) continue;
    const path = join(directory, component);
    const name = options.comparable(path);
    const isLink = entry.isSymbolicLink();
    const matching = patterns.filter(pattern => pattern.matches(name));
    const mayLead = (isLink || entry.isDirectory()) && patterns.some(pattern => pattern.leadsTo(name));
    const isDirectory = isLink
      ? (mayLead || matching.some(({ directoriesOnly }) => directoriesOnly)) && leadsToDirectory(path)
      : entry.isDirectory();
    const isFound = matching.some(({ directoriesOnly }) => isDirectory || !directoriesOnly);
    if (isFound) yield path;
    const isWhole = isFound && !isLink && !options.exclusions;
    if (!isDirectory || !mayLead || isWhole) continue;
    const next = real ?? realPathOf(path);
    if (!cameThrough.includes(next)) yield* below(path, [...cameThrough, next], patterns, options);
  }
}

function leadsToDirectory(link: string): boolean {
  try {
    return statFile(link, false)?.isDirectory() ?? false;
  } catch (error) {
    if (isTooLong(error)) return false;
    throw error;
  }
}

function entriesOf(directory: string): readonly Dirent<Buffer>[] {
  try {
    return readdirSync(fsPath(directory), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    // It has vanished, or no system call takes the path
    const isGone = isUnresolvable(error) || (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isGone || isTooLong(error)) return [];
    throw error;
  }
}
