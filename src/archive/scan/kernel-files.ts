import { dirname } from 'node:path';
import { readMounts } from '../fs/mounts.ts';

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
  readonly #mounts = readMounts();

  /** Returns whether such a file system is mounted at this directory. */
  isMountedAt(directory: string): boolean {
    const type = this.#mounts.get(directory);
    return type !== undefined && KERNEL_TYPES.has(type);
  }

  /** Returns whether a path is in such a file system. Its links are not resolved. */
  contains(path: string): boolean {
    let at = path;
    while (!this.#mounts.has(at) && at !== dirname(at)) at = dirname(at);
    return this.isMountedAt(at);
  }
}
