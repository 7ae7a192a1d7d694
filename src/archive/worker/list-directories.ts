import { lstatExact, lstatFile, mtimeOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { compareNames } from '../fs/paths/names.ts';
import { isNeverSaved } from '../fs/paths/staging-name.ts';
import { directoriesToList, ListingWriter, type ListJob, type ListResult } from '../messages/list-job.ts';
import { listNames, pathIn } from '../scan/read-entry.ts';

/** Names that are enough for one job: then it reads no further directory. */
const NAMES_A_JOB = 4096;

/**
 * Reads directories, each with those below it, until there are enough names. Leaves out a directory that cannot be read whole:
 * the main thread reads it again, and reports why.
 */
export function listDirectories(job: ListJob): ListResult {
  const writer = new ListingWriter(job);
  let reached = 0;
  for (const directory of directoriesToList(job)) {
    if (writer.names >= NAMES_A_JOB) break;
    reached++;
    const open = [directory];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (writer.names >= NAMES_A_JOB) break;
      const below = ignoreErrors(() => addDirectory(writer, path!, job.exact));
      if (below) open.push(...below.reverse());
    }
  }
  return writer.finish(reached);
}

/**
 * Adds a directory and its items, in the order of an archive. Returns the paths of the directories in it, in this order. Throws if
 * it cannot be read whole.
 */
function addDirectory(writer: ListingWriter, directory: string, exact: boolean): string[] {
  const items = listNames(directory).flatMap(name => {
    if (isNeverSaved(name)) return [];
    const path = pathIn(directory, name);
    const stats = lstatFile(path, exact);
    if (!stats) return [];
    const hasData = stats.isFile() && stats.size > 0;
    const exactStats = stats.exact ?? (hasData ? undefined : lstatExact(path));
    const mtime = exactStats && mtimeOf(exactStats, () => stats);
    return { name, path, stats, mtime, stored: stats.isDirectory() ? `${name}/` : name };
  });
  items.sort((a, b) => compareNames(a.stored, b.stored));
  writer.add(directory, items);
  return items.flatMap(({ path, stats }) => (stats.isDirectory() ? path : []));
}
