import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { realPathOf } from './file-status.ts';
import { ignoreErrors } from './ignore-errors.ts';
import { decodeName } from './paths/names.ts';
import { thisPlatform } from './platform.ts';

/** The types of the mounted file systems by their mount points. */
export type Mounts = ReadonlyMap<string, string>;

/**
 * Reads the mounts of this machine. Renames do not cross them, not even between two bind mounts of one file system, which have
 * the same device number. Returns an empty map where the system does not list them.
 */
export function readMounts(): Mounts {
  if (!thisPlatform.listsMounts) return new Map();
  return ignoreErrors(() => parseMountInfo(readFileSync('/proc/self/mountinfo'))) ?? new Map();
}

/** Returns a mount point at or below a path without links. Returns undefined if there is none. */
export function findMount(realPath: string, mounts: Mounts): string | undefined {
  if (mounts.has(realPath)) return realPath;
  const below = `${realPath}/`;
  for (const point of mounts.keys()) if (point.startsWith(below)) return point;
  return undefined;
}

/**
 * Throws `TargetTreeError` for a directory with a mount point in it. A rename moves the mount too, and a later removal of the
 * renamed directory would remove the files of the mounted one.
 */
export function refuseMount(
  path: string,
  mounts: Mounts = readMounts(),
  realPath: string = join(realPathOf(dirname(path)), basename(path)),
): void {
  const point = findMount(realPath, mounts);
  if (point === undefined) return;
  throw new TargetTreeError(
    `${path} cannot be replaced by the entry in the cache: ${point} is a mount point; change the mount or \`path\``,
  );
}

interface Mount {
  readonly id: string;
  readonly parent: string;
  readonly point: string;
  readonly type: string;
}

/**
 * Parses proc_pid_mountinfo(5), in which blanks and backslashes are octal escapes. Returns the types of the file systems by their
 * mount points. Leaves out mounts that another one hides, at the same point or at a directory above it.
 */
export function parseMountInfo(bytes: Buffer): Map<string, string> {
  // latin1 has one character for each byte, because a name may contain bytes that are not UTF-8
  const mounts = bytes.toString('latin1').split('\n').flatMap(readMount);
  const byId = new Map(mounts.map(mount => [mount.id, mount]));
  const taken = new Set(
    mounts.filter(({ id, parent }) => id !== parent).map(({ parent, point }) => `${parent} ${point}`),
  );
  const isMountedOn = (parent: string, point: string) => taken.has(`${parent} ${point}`);
  const isReached = ({ id, parent, point }: Mount): boolean => {
    // Another mount on the same parent at a directory above hides this one. If it had been there first, it would be the parent
    for (let at = point; at !== dirname(at); ) {
      at = dirname(at);
      if (isMountedOn(parent, at)) return false;
    }
    const on = byId.get(parent);
    // The parent of the root of all mounts is the root itself, or a mount outside of this process's root
    return !on || parent === id || isReached(on);
  };
  const visible = mounts.filter(mount => !isMountedOn(mount.id, mount.point) && isReached(mount));
  return new Map(visible.map(({ point, type }) => [point, type]));
}

function readMount(line: string): Mount | [] {
  const fields = line.split(' ');
  const [id, parent, , , point] = fields;
  // The type follows the optional fields, whose end is `-`
  const type = fields[fields.indexOf('-', 6) + 1];
  if (id === undefined || parent === undefined || point === undefined || type === undefined) return [];
  return { id, parent, point: decodePoint(point), type };
}

function decodePoint(field: string): string {
  const text = field.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
  return decodeName(Buffer.from(text, 'latin1'));
}
