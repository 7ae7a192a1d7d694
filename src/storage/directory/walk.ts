import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { mayContain, prefixDirectory } from './file-names.ts';
import { findLink, isNotFound, systemCode } from './files.ts';

/**
 * Yields the levels of the paths below `root` of all files that may be objects whose names start with `prefix`. Follows no link:
 * yields none if the directory of the prefix is missing or behind a link. Throws the system's errors of that directory. Passes
 * the errors of directories below it to `leaveOut`, which throws them, or returns to skip the directory.
 */
export async function* walkFiles(
  root: string,
  prefix: string,
  leaveOut: (error: unknown) => void,
): AsyncGenerator<string[]> {
  const directory = prefixDirectory(prefix);
  if ((await findLink(path.join(root, directory), root)) !== undefined) return;
  const first = directory === '.' ? [] : directory.split(path.sep);
  const pending = [first];
  for (let levels = pending.pop(); levels; levels = pending.pop()) {
    const entries = entriesOf(path.join(root, ...levels));
    for (const entry of (await (levels === first ? entries : entries.catch(leaveOut))) ?? []) {
      const below = [...levels, entry.name];
      if (entry.isFile()) yield below;
      else if (entry.isDirectory() && (levels !== first || mayContain(below, prefix))) pending.push(below);
    }
  }
}

async function entriesOf(directory: string) {
  const read = () => readdir(directory, { withFileTypes: true });
  try {
    // Another host of a network mount (NFS) has removed or replaced the directory while it was read. If the mount itself is stale,
    // the second read fails too
    return await read().catch(error => {
      if (systemCode(error) === 'ESTALE') return read();
      throw error;
    });
  } catch (error) {
    // A path that is too long has no objects: the system accepts the path of each object
    if (isNotFound(error) || systemCode(error) === 'ENAMETOOLONG') return [];
    throw error;
  }
}

/** Removes a directory below `root` and the directories above it, as long as they are empty. Never throws. */
export async function removeEmptyDirectories(directory: string, root: string): Promise<void> {
  for (let empty = directory; empty !== root && empty.startsWith(root); empty = path.dirname(empty)) {
    try {
      await rmdir(empty);
    } catch {
      return;
    }
  }
}
