import { SourceTreeError } from '../../archive/archive-errors.ts';
import { isUnresolvable, lstatFile, statFile } from '../../archive/fs/file-status.ts';
import type { Pattern } from './patterns.ts';
import type { SearchOptions } from './search.ts';

/**
 * The existing paths that the including patterns name, absolute, each once. Throws `SourceTreeError` where a directory
 * cannot be searched. The search is loaded only where a pattern has wildcards: a miss does without.
 */
export async function findRoots(
  patterns: readonly Pattern[],
  options: SearchOptions,
): Promise<readonly string[]> {
  const including = patterns.filter(({ negate }) => !negate);
  const literals = including.map(({ literal }) => literal).filter(literal => literal !== undefined);
  const wild = including.filter(({ literal }) => literal === undefined);
  const search = wild.length > 0 ? (await import('./search.ts')).search : () => [];
  return searchable(() => [...new Set([...literals.filter(exists), ...search(wild, options)])]);
}

/** Whether this is a directory, or a symlink to one. Throws `SourceTreeError` where nobody can tell. */
export function isDirectory(absolute: string): boolean {
  return searchable(() => statFile(absolute, false)?.isDirectory() ?? false);
}

function exists(absolute: string): boolean {
  try {
    return lstatFile(absolute, false) !== undefined;
  } catch (error) {
    if (isUnresolvable(error)) return false;
    throw error;
  }
}

/** What `look` returns. Throws the one sentence in place of the system's error. */
function searchable<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const advice = code === 'EACCES' || code === 'EPERM' ? '; `sudo: true` reads as root' : '';
    throw new SourceTreeError(`the paths of input 'path' cannot be searched (${message})${advice}`, {
      cause: error,
    });
  }
}
