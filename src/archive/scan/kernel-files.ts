import { basename, dirname, join } from 'node:path';
import { EntryType } from '../format/entry.ts';
import { realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { readMounts } from '../fs/mounts.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import type { ScannedEntry } from '../messages/pack-job.ts';
import { pathIn } from './read-entry.ts';

/**
 * File systems of Linux whose files are calls of the kernel. They hold no stored data: most have the size 0 or 4096 whatever
 * is read from them, and reading one may be refused, change something or wait.
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
  /** Mount points below the roots so far, named as the scan names them: a root may be a link, or behind one. */
  readonly #found = new Set<string>();
  #parent = { path: '', realPath: '' };

  constructor(layout: PathLayout) {
    this.#layout = layout;
  }

  /** Returns whether a root is in such a file system, wherever its links lead. Call it before the root is walked. */
  contains({ path, type }: ScannedEntry): boolean {
    if (this.#mounts.size === 0) return false;
    const isDirectory = type === EntryType.directory;
    const realPath = isDirectory && this.#layout.followsLink(path) ? resolved(path) : this.#inParent(path);
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

  /** Returns whether such a file system, or a file of one, is mounted at this path of a walk. */
  isMountedAt(path: string): boolean {
    return this.#found.size > 0 && this.#found.has(path);
  }

  #isOfKernel(point: string): boolean {
    return KERNEL_TYPES.has(this.#mounts.get(point) ?? '');
  }

  /** A link that is not followed is in the directory that it is in. */
  #inParent(path: string): string {
    const parent = dirname(path);
    // Wildcards name many files of a directory
    if (this.#parent.path !== parent) this.#parent = { path: parent, realPath: resolved(parent) };
    return join(this.#parent.realPath, basename(path));
  }
}

/** Returns the path itself if it cannot be resolved: the scan reports why. */
function resolved(path: string): string {
  return ignoreErrors(() => realPathOf(path)) ?? path;
}
