import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, parse, resolve, sep, win32 } from 'node:path';
import { decodeName, fsPath } from '../paths/names.ts';
import { thisPlatform } from '../platform.ts';

/** Reads and compares symlinks. On Windows they have types, and another spelling of targets. */

/** Maximum number of symlinks that are followed in a path, as in Linux (path_resolution(7)). Windows follows 63. */
export const MAX_LINKS = 40;

/** A component of a path, or of the target of a link on its way, in the directory that the way has led to. */
interface PathStep {
  /** A path without links. */
  readonly directory: string;
  readonly name: string;
  /** Status of the item itself, also of a link. */
  readonly stats: Stats;
  /** Whether this is the last component of the path itself. */
  readonly isLast: boolean;
}

/** Yields the steps of the system along an absolute path. Throws the system's errors, and ELOOP after `MAX_LINKS` links. */
export function* pathSteps(path: string): Generator<PathStep> {
  let directory = parse(path).root;
  /** Components that are not resolved yet, the next one last. */
  const pending = componentsOf(path.slice(directory.length));
  let links = 0;
  let isTarget = false;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const isLast: boolean = pending.length === 0 && !isTarget;
    isTarget ||= isLast;
    const next = join(directory, name);
    const stats = lstatSync(fsPath(next));
    yield { directory, name, stats, isLast };
    if (!stats.isSymbolicLink()) {
      directory = next;
      continue;
    }
    if (++links > MAX_LINKS) throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
    const target = decodeName(readlinkSync(fsPath(next), 'buffer'));
    const { root } = parse(target);
    if (root !== '') directory = root;
    pending.push(...componentsOf(target.slice(root.length)));
  }
}

function componentsOf(path: string): string[] {
  const components = path.split(sep === '/' ? '/' : /[\\/]/);
  return components.filter(component => component !== '' && component !== '.').reverse();
}

/** Reads the target of a symlink as an archive stores it. Throws the system's errors. */
export function readTarget(path: string): string {
  const target = decodeName(readlinkSync(fsPath(path), 'buffer'));
  return thisPlatform.typesLinks ? portableTarget(target) : target;
}

/**
 * Returns a target of Windows as an archive stores it. A relative one has `/`, so that other systems can follow it. It lacks the
 * `\` that some versions of libuv append to the target of a junction (libuv/libuv#4590).
 */
export function portableTarget(target: string): string {
  if (!win32.isAbsolute(target)) return target.replaceAll('\\', '/');
  return target === win32.parse(target).root ? target : target.replace(/[\\/]+$/, '');
}

/**
 * Returns whether a symlink at the absolute `path` has the target that a restore gives it there. On Windows, where Node and
 * the system change the spelling and a junction is always absolute, every target that leads to the same path counts.
 */
export function hasTarget(path: string, onDisk: string, stored: string): boolean {
  if (onDisk === stored) return true;
  return thisPlatform.typesLinks && resolve(dirname(path), onDisk) === resolve(dirname(path), stored);
}

/** Type of a symlink on Windows. */
export type LinkType = 'file' | 'dir' | 'junction';

/**
 * Returns the type that a symlink needs on Windows, where one of the wrong type cannot be used. `path` is the absolute path
 * that the link will have in the end: Node would resolve the target from the path in staging, and only if it exists.
 * Absolute links to directories of a drive are junctions, as pnpm makes them, because those need no privilege.
 * `isDirectory` receives an absolute path.
 */
export function linkTypeOf(target: string, path: string, isDirectory: (path: string) => boolean): LinkType {
  if (!isDirectory(win32.resolve(win32.dirname(path), target))) return 'file';
  // A junction leads to no share
  return /^[a-z]:[\\/]/i.test(target) ? 'junction' : 'dir';
}
