import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { realPathOf } from './file-status.ts';

/**
 * The mount points of this machine: renames do not cross them, not even between two bind mounts of one file system,
 * which have the same device number. Empty where the system does not tell (only Linux does).
 */
export function readMountPoints(): ReadonlySet<string> {
  try {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return new Set();
  }
}

/** A mount point that is this path, which has no symlink in it, or lies below it. */
export function findMount(realPath: string, mounts: ReadonlySet<string>): string | undefined {
  if (mounts.has(realPath)) return realPath;
  const below = `${realPath}/`;
  for (const point of mounts) if (point.startsWith(below)) return point;
  return undefined;
}

/**
 * Throws `TargetTreeError` for a directory with a mount point in it: a rename takes the mount along, and who removes the
 * directory where it went removes what is mounted.
 */
export function refuseMount(
  path: string,
  mounts: ReadonlySet<string> = readMountPoints(),
  realPath: string = join(realPathOf(dirname(path)), basename(path)),
): void {
  const point = findMount(realPath, mounts);
  if (point === undefined) return;
  throw new TargetTreeError(
    `${path} cannot be replaced by what the cache has there: ${point} is a mount point`,
  );
}

/** The fifth field of each line of proc_pid_mountinfo(5); blanks and backslashes in it are octal escapes. */
export function parseMountInfo(text: string): Set<string> {
  const points = text.split('\n').flatMap(line => line.split(' ')[4] ?? []);
  return new Set(
    points.map(point =>
      point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    ),
  );
}
