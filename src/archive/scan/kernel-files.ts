import { basename, dirname, join } from 'node:path';
import { EntryType } from '../format/entry.ts';
import { realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { readMounts } from '../fs/mounts.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import { pathIn } from './read-entry.ts';

/**
 * Types of the file systems whose files the Linux kernel makes when they are read. Most have the size 0 or 4096, which is not the
 * length of their data. Reading one may be refused, change something or wait.
 */
const KERNEL_TYPES: ReadonlySet<string> = new Set([
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'fusectl',
  'proc',
  'pstore',
  'rpc_pipefs',
  'securityfs',
  'selinuxfs',
  'sysfs',
  'tracefs',
]);

/** Reason to skip a path. */
export const KERNEL_FILES = 'in a file system of the kernel, as /proc and /sys are';

/** Finds the files of the kernel in a tree, such as an image with its /proc mounted. */
export class KernelFiles {
  readonly #layout: PathLayout;
  readonly #mounts = readMounts();
  /** Mount points of such files below the roots so far, with the paths of the scan: a root may be a link, or behind one. */
  readonly #found = new Set<string>();
  /** The directory that was resolved last: wildcards name many files of one directory. */
  #parent = { path: '', realPath: '' };

  constructor(layout: PathLayout) {
    this.#layout = layout;
  }

  /** Returns whether a root, or the target of its link, is a file of the kernel. Finds mount points below it, for the walk. */
  contains({ path, type }: ScannedEntry): boolean {
    if (this.#mounts.size === 0) return false;
    const isDirectory = type === EntryType.directory;
    const realPath =
      isDirectory && this.#layout.followsLink(path) ? resolve(path) : this.#resolveParent(path);
    let at = realPath;
    while (!this.#mounts.has(at) && at !== dirname(at)) at = dirname(at);
    if (this.#isOfKernel(at)) return true;
    if (!isDirectory) return false;
    const below = pathIn(realPath, '');
    for (const point of this.#mounts.keys()) {
      if (point.startsWith(below) && this.#isOfKernel(point))
        this.#found.add(pathIn(path, point.slice(below.length)));
    }
    return false;
  }

  /** Returns whether a file system of the kernel, or a file of one, is mounted at this path of a walk. */
  isMountedAt(path: string): boolean {
    return this.#found.size > 0 && this.#found.has(path);
  }

  #isOfKernel(point: string): boolean {
    return KERNEL_TYPES.has(this.#mounts.get(point) ?? '');
  }

  /** Returns the real path of an item. If it is a link, that is the path of the link itself. */
  #resolveParent(path: string): string {
    const parent = dirname(path);
    if (this.#parent.path !== parent) this.#parent = { path: parent, realPath: resolve(parent) };
    return join(this.#parent.realPath, basename(path));
  }
}

/** Returns the real path, or the path itself if it cannot be resolved: the scan reports why. */
function resolve(path: string): string {
  return ignoreErrors(() => realPathOf(path)) ?? path;
}
