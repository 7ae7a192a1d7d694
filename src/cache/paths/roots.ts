import { SourceTreeError } from '../../archive/archive-errors.ts';
import { isUnresolvable, lstatFile, statFile } from '../../archive/fs/file-status.ts';
import { thisPlatform } from '../../archive/fs/platform.ts';
import { isDenied } from '../../archive/fs/tree-errors.ts';
import type { Pattern } from './patterns.ts';
import { SearchLimitError, type SearchOptions, search, type WildPattern } from './search.ts';

/**
 * Finds the existing paths that the including patterns name: absolute, each once. Throws `SourceTreeError` for a directory
 * that cannot be searched, and the signal's reason.
 */
export async function findRoots(
  patterns: readonly Pattern[],
  options: SearchOptions,
): Promise<readonly string[]> {
  const including = patterns.filter(({ excludes }) => !excludes);
  const literals = including.filter(({ wildcards }) => wildcards === undefined).map(({ lead }) => lead);
  const wild = including.filter((pattern): pattern is WildPattern => pattern.wildcards !== undefined);
  try {
    return [...new Set([...literals.filter(exists), ...(await search(wild, options))])];
  } catch (error) {
    throw options.signal?.aborted ? error : searchError(error);
  }
}

/** Returns whether a path is a directory, or a symlink to one. Throws `SourceTreeError` if it cannot be read. */
export function isDirectory(absolute: string): boolean {
  try {
    return statFile(absolute, false)?.isDirectory() ?? false;
  } catch (error) {
    throw searchError(error);
  }
}

function exists(absolute: string): boolean {
  try {
    return lstatFile(absolute, false) !== undefined;
  } catch (error) {
    if (isUnresolvable(error)) return false;
    throw error;
  }
}

/** Limit on a reason in a message, in UTF-16 units: names of files and lines of `path` may be long. */
const MAX_REASON_LENGTH = 300;

function searchError(error: unknown): SourceTreeError {
  const { message, code } = error as NodeJS.ErrnoException;
  const reason = message.length > MAX_REASON_LENGTH ? `${message.slice(0, MAX_REASON_LENGTH)}...` : message;
  const sudo = isDenied(code) && thisPlatform.hasSudo ? '; `sudo: true` reads as root' : '';
  const advice = error instanceof SearchLimitError ? '; name the directories to save, without `**`' : sudo;
  return new SourceTreeError(`the paths of input 'path' cannot be searched (${reason})${advice}`, {
    cause: error,
  });
}
