import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { realPathOf } from './file-status.ts';
import { thisPlatform } from './platform.ts';

/**
 * Reads the mount points of this machine. Renames do not cross them, not even between two bind mounts of one file system,
 * which have the same device number. Returns an empty set where the system does not list them.
 */
export function readMountPoints(): ReadonlySet<string> {
  if (!thisPlatform.listsMounts) return new Set();
  try {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return new Set();
  }
}

/** Returns a mount point at or below this path, in which all links must be resolved, or undefined. */
export function findMount(realPath: string, mounts: ReadonlySet<string>): string | undefined {
  if (mounts.has(realPath)) return realPath;
  const below = `${realPath}/`;
  for (const point of mounts) if (point.startsWith(below)) return point;
  return undefined;
}

/**
 * Throws `TargetTreeError` for a directory with a mount point in it: a rename moves the mount too, and a later removal of
 * the renamed directory would remove the files of the mounted one.
 */
export function refuseMount(
  path: string,
  mounts: ReadonlySet<string> = readMountPoints(),
  realPath: string = join(realPathOf(dirname(path)), basename(path)),
): void {
  const point = findMount(realPath, mounts);
  if (point === undefined) return;
  throw new TargetTreeError(
    `${path} cannot be replaced by the entry in the cache: ${point} is a mount point`,
  );
}

/** Returns the fifth field of each line of proc_pid_mountinfo(5), in which blanks and backslashes are octal escapes. */
export function parseMountInfo(text: string): Set<string> {
  const points = text.split('\n').flatMap(line => line.split(' ')[4] ?? []);
  return new Set(
    points.map(point =>
      point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    ),
  );
}
