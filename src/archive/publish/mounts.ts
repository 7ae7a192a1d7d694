import { readFileSync } from 'node:fs';

/**
 * The mount points of this machine: renames do not cross them, not even between two bind mounts of one file system,
 * which have the same device number. Empty where the system does not tell (only Linux does).
 */
export function mountPoints(): ReadonlySet<string> {
  try {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return new Set();
  }
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
