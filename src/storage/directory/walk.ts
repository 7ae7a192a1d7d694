import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { mayHold, prefixDirectory } from './file-names.ts';
import { findLink, isNotFound, systemCode } from './files.ts';

/**
 * Yields the files that may be objects whose names start with `prefix`, as the levels of their paths below `root`. Follows no
 * link: yields none if the directory of the prefix does not exist, or is behind one. Passes the system's errors of the
 * directories below it to `leaveOut`, which throws them or has them left out, and throws those of the directory itself.
 */
export async function* walkFiles(
  root: string,
  prefix: string,
  leaveOut: (error: unknown) => void,
): AsyncGenerator<string[]> {
  const directory = prefixDirectory(prefix);
  if ((await findLink(path.join(root, directory), root)) !== undefined) return;
  const first = directory === '.' ? [] : directory.split(path.sep);
  const open = [first];
  for (let levels = open.pop(); levels; levels = open.pop()) {
    const entries = entriesOf(path.join(root, ...levels));
    for (const entry of (await (levels === first ? entries : entries.catch(leaveOut))) ?? []) {
      const below = [...levels, entry.name];
      if (entry.isFile()) yield below;
      else if (entry.isDirectory() && (levels !== first || mayHold(below, prefix))) open.push(below);
    }
  }
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    // Too deep to hold an object, whose path the system accepts
    if (isNotFound(error) || systemCode(error) === 'ENAMETOOLONG') return [];
    throw error;
  }
}

/** Removes a directory below `root` and those above it, as long as they are empty. Never throws. */
export async function removeEmptyDirectories(directory: string, root: string): Promise<void> {
  for (let empty = directory; empty !== root && empty.startsWith(root); empty = path.dirname(empty)) {
    try {
      await rmdir(empty);
    } catch {
      return;
    }
  }
}
