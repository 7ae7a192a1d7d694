import { statfsSync } from 'node:fs';
import { ignoreErrors } from './ignore-errors.ts';
import { fsPath } from './paths/names.ts';
import { thisPlatform } from './platform.ts';

/** `f_type` of statfs(2) for file systems that only one kernel mounts at a time. */
const LOCAL_TYPES: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x01021994, // tmpfs
]);
const OVERLAY_TYPE = 0x794c7630;

/**
 * Kind of a file system: mounted by one kernel only (`local`), layers of directories (`overlay`), or any other. Several machines
 * may have mounted another one, and it may refuse what Linux allows.
 */
export type FileSystemKind = 'local' | 'overlay' | 'other';

/** Returns the kind of the file system of a path: `other` if it cannot be read, and on all systems but Linux. */
export function fileSystemKind(path: string): FileSystemKind {
  if (!thisPlatform.numbersFileSystems) return 'other';
  const type = ignoreErrors(() => statfsSync(fsPath(path)).type);
  if (type === OVERLAY_TYPE) return 'overlay';
  return type !== undefined && LOCAL_TYPES.has(type) ? 'local' : 'other';
}
