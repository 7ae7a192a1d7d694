import { statSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { SourceTreeError } from '../archive/errors.ts';
import type { Pattern } from './patterns.ts';

/**
 * The existing paths that the including patterns name, absolute, each once. Throws `SourceTreeError` where a directory
 * cannot be searched. @actions/glob is loaded only where a pattern has wildcards.
 */
export async function findRoots(patterns: readonly Pattern[]): Promise<readonly string[]> {
  const including = patterns.filter(({ negate }) => !negate);
  const roots = new Set<string>();
  for (const { literal } of including) {
    if (literal !== undefined && (await exists(literal))) roots.add(literal);
  }
  const globs = including.filter(({ literal }) => literal === undefined);
  if (globs.length > 0) {
    for (const found of await expand(globs)) roots.add(found);
  }
  return [...roots];
}

/** Whether this is a directory, or a symlink to one. Throws `SourceTreeError` where nobody can tell. */
export function isDirectory(absolute: string): boolean {
  try {
    return statSync(absolute, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    if (leadsNowhere(error)) return false;
    throw unsearchable(error);
  }
}

async function exists(absolute: string): Promise<boolean> {
  try {
    await lstat(absolute);
    return true;
  } catch (error) {
    if (leadsNowhere(error)) return false;
    throw unsearchable(error);
  }
}

/** Through a file, or a link that leads round in a circle. */
function leadsNowhere(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
}

async function expand(globs: readonly Pattern[]): Promise<readonly string[]> {
  const { create } = await import('@actions/glob');
  const lines = globs.map(({ glob, directoriesOnly }) => (directoriesOnly ? `${glob}/` : glob));
  try {
    const globber = await create(lines.join('\n'), { implicitDescendants: false });
    return await globber.glob();
  } catch (error) {
    throw unsearchable(error);
  }
}

function unsearchable(error: unknown): SourceTreeError {
  const { message, code } = error as NodeJS.ErrnoException;
  const advice = code === 'EACCES' || code === 'EPERM' ? '; `sudo: true` reads as root' : '';
  return new SourceTreeError(`the paths of input 'path' cannot be searched (${message})${advice}`, {
    cause: error,
  });
}
