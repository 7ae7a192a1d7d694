import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isTooLong, isUnresolvable, realPathOf, statFile } from '../../archive/fs/file-status.ts';
import { decodeName, fsPath } from '../../archive/fs/paths/names.ts';
import { isNeverSaved } from '../../archive/fs/paths/staging-name.ts';
import { Turns } from '../../archive/turns.ts';
import type { Pattern, Wildcards } from './patterns.ts';

/** A pattern with wildcards. */
export type WildPattern = Pattern & { readonly wildcards: Wildcards };

export interface SearchOptions {
  /** Returns the spelling of a path in which patterns match it. */
  readonly toComparable: (absolute: string) => string;
  /** Whether it also searches directories that it has found, because a line may include a path below an excluded directory. */
  readonly searchesFound: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Limit on the ways to one directory through links. Directories with links to each other have more than a search can follow. */
const MAX_WAYS_TO_LINK_TARGET = 10_000;

/** The error of a search that ends because of the links in the tree. The message is one clause. */
export class SearchLimitError extends Error {
  override name = 'SearchLimitError';
}

/**
 * Finds the existing paths that match one of the patterns: absolute, in no order, some of them twice.
 *
 * As @actions/glob 0.7.0 (internal-globber.js), it enters links to directories, but not back into a directory on its way. It
 * differs in four points. A link matches by its name alone, also if it has no target (in @actions/glob, a link to itself ends the
 * search). Names may have bytes that are not UTF-8. A directory that is saved as a whole is not searched. The staging of a
 * restore is not found.
 *
 * Throws the system's error for a directory that cannot be searched, `SearchLimitError`, and the signal's reason.
 */
export async function search(
  patterns: readonly WildPattern[],
  options: SearchOptions,
): Promise<readonly string[]> {
  const found: (readonly string[])[] = [];
  for (const [lead, group] of Map.groupBy(patterns, pattern => pattern.lead)) {
    if (statFile(lead, false)?.isDirectory()) found.push(await searchBelow(lead, group, options));
  }
  return found.flat();
}

/** A directory on the way of the search. */
interface Way {
  readonly path: string;
  readonly realPath: string;
  readonly above: Way | undefined;
  /** Whether a link has been entered on the way. */
  readonly isBehindLink: boolean;
}

async function searchBelow(
  lead: string,
  patterns: readonly WildPattern[],
  { toComparable, searchesFound, signal }: SearchOptions,
): Promise<readonly string[]> {
  const found: string[] = [];
  const pending: Way[] = [{ path: lead, realPath: realPathOf(lead), above: undefined, isBehindLink: false }];
  /** Number of times that each directory has been entered through a link, by its real path. */
  const entered = new Map<string, number>();
  const countEntered = (linkTarget: string) => {
    const count = (entered.get(linkTarget) ?? 0) + 1;
    entered.set(linkTarget, count);
    if (count <= MAX_WAYS_TO_LINK_TARGET) return;
    throw new SearchLimitError(`links lead to ${linkTarget} in more than ${MAX_WAYS_TO_LINK_TARGET} ways`);
  };
  const visit = (way: Way, entry: Dirent<Buffer>) => {
    const component = decodeName(entry.name);
    if (isNeverSaved(component)) return;
    const isLink = entry.isSymbolicLink();
    const realPath = isLink ? undefined : join(way.realPath, component);
    // Only behind a link the search can enter a directory that it is already in
    if (realPath !== undefined && way.isBehindLink && isOnWay(realPath, way)) return;
    const path = join(way.path, component);
    const name = toComparable(path);
    const matching = patterns.filter(({ wildcards }) => wildcards.matches(name));
    const mayLead =
      (isLink || entry.isDirectory()) && patterns.some(({ wildcards }) => wildcards.leadsTo(name));
    const target =
      isLink && (mayLead || matching.some(({ isForDirectories }) => isForDirectories))
        ? directoryBehind(path)
        : undefined;
    const directory = entry.isDirectory() ? realPath : target;
    const isFound = matching.some(({ isForDirectories }) => directory !== undefined || !isForDirectories);
    if (isFound) found.push(path);
    const isWhole = isFound && !isLink && !searchesFound;
    if (directory === undefined || !mayLead || isWhole || isOnWay(directory, way)) return;
    if (isLink) countEntered(directory);
    pending.push({ path, realPath: directory, above: way, isBehindLink: way.isBehindLink || isLink });
  };
  const turns = new Turns(signal);
  for (let way = pending.pop(); way; way = pending.pop()) {
    for (const entry of entriesOf(way.path)) {
      if (turns.isDue()) await turns.take();
      visit(way, entry);
    }
  }
  return found;
}

function isOnWay(realPath: string, way: Way): boolean {
  for (let at: Way | undefined = way; at; at = at.above) if (at.realPath === realPath) return true;
  return false;
}

/** Returns the real path of the directory that a link leads to. Returns undefined if it leads to none. */
function directoryBehind(link: string): string | undefined {
  try {
    return statFile(link, false)?.isDirectory() ? realPathOf(link) : undefined;
  } catch (error) {
    if (hasVanished(error) || isTooLong(error)) return undefined;
    throw error;
  }
}

function entriesOf(directory: string): readonly Dirent<Buffer>[] {
  try {
    return readdirSync(fsPath(directory), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    // It has vanished, or the path is too long for a system call
    if (hasVanished(error) || isTooLong(error)) return [];
    throw error;
  }
}

function hasVanished(error: unknown): boolean {
  return isUnresolvable(error) || (error as NodeJS.ErrnoException).code === 'ENOENT';
}
