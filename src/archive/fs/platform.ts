import { constants } from 'node:fs';
import { win32 } from 'node:path';

/**
 * What differs between operating systems for archives, in one place. Everything else in archive/ is written once.
 */
export interface Platform {
  /** Whether permission bits mean anything. */
  readonly hasModes: boolean;
  /** Whether owners are stored and set: only root can give files away. */
  readonly keepsOwners: boolean;
  /** Whether names that differ only in case may be one file (decides only together with a probe of the disk). */
  readonly mayFoldCase: boolean;
  /** Whether a disk that folds case goes letter by letter, as NTFS does; else as APFS, for which ß is ss. */
  readonly foldsLetters: boolean;
  /** Whether `//server/share` is a place of its own; elsewhere it is a second name of `/server/share`. */
  readonly hasShares: boolean;
  /** Characters that a component may not hold here, although it can elsewhere. */
  readonly forbiddenInComponents: RegExp | undefined;
  /** Added to open flags when reading: never follow a link that took a file's place, never wait on a FIFO. */
  readonly openFlags: number;
  /** Errors of a rename that may be gone a moment later: somebody has the file open, a virus scanner mostly. */
  readonly transientCodes: ReadonlySet<string>;
  /** Whether a symlink says itself if it leads to a directory (`linkTypeOf`). */
  readonly typesLinks: boolean;
  /** Whether link(2) of a symlink makes another name of the symlink; elsewhere of its target, or it is refused. */
  readonly joinsSymlinks: boolean;
}

/** The choices for a platform; `isRoot` says whether this process may give files to other owners. */
export function platformOf(name: NodeJS.Platform, isRoot: boolean): Platform {
  const windows = name === 'win32';
  return {
    hasModes: !windows,
    keepsOwners: !windows && isRoot,
    mayFoldCase: windows || name === 'darwin',
    foldsLetters: windows,
    hasShares: windows,
    // Microsoft, "Naming Files, Paths, and Namespaces": reserved characters; device names; a trailing dot or blank is lost
    forbiddenInComponents: windows
      ? /[<>:"\\|?*\u0000-\u001f]|[. ]$|^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?$/i
      : undefined,
    openFlags: windows ? 0 : (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    // Elsewhere an open file is in nobody's way
    transientCodes: new Set(windows ? ['EACCES', 'EBUSY', 'EPERM'] : []),
    typesLinks: windows,
    // POSIX leaves it open; macOS follows the link
    joinsSymlinks: name === 'linux',
  };
}

/**
 * What Windows wants to know of a symlink that it makes: one of the wrong type cannot be used. `path` is the absolute
 * path that the link ends at; Node would look from where it is made, and for what is there already. Absolute links to
 * directories are junctions, as pnpm makes them: those need no privilege. `isDirectory` is asked for an absolute path.
 */
export function linkTypeOf(
  target: string,
  path: string,
  isDirectory: (path: string) => boolean,
): 'file' | 'dir' | 'junction' {
  if (!isDirectory(win32.resolve(win32.dirname(path), target))) return 'file';
  return win32.isAbsolute(target) ? 'junction' : 'dir';
}

/** The platform of this process. */
export const thisPlatform: Platform = platformOf(process.platform, process.geteuid?.() === 0);
