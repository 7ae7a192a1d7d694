/** This folder calls the file system, and hides what differs between systems: names, times, links, errors and attributes. */

import { constants } from 'node:fs';
import { type CaseRules, createCaseProbe } from './paths/case-folding.ts';

/** The differences between operating systems for archives. The rest of archive/ is the same on all. */
export interface Platform extends CaseRules {
  /** Whether permission bits have an effect. Elsewhere files have the read-only attribute (attributes.ts). */
  readonly hasModes: boolean;
  /** Whether owners are stored and set: only root can change the owner of a file. */
  readonly keepsOwners: boolean;
  /** Separator of the components of paths in messages. */
  readonly separator: '/' | '\\';
  /** Whether `//server/share` is a network share. Elsewhere it is a second name of `/server/share`. */
  readonly hasShares: boolean;
  /** Characters that a component may have on other systems, but not here. */
  readonly forbiddenInComponents: RegExp | undefined;
  /** Whether names are any bytes. Elsewhere they are Unicode. */
  readonly namesAreBytes: boolean;
  /** Longest path and component, in bytes, or in UTF-16 units if `countsUnits`. */
  readonly maxPathLength: number;
  readonly maxComponentLength: number;
  readonly countsUnits: boolean;
  /** Flags for open(2) of a file that may have been replaced: do not follow a link, and do not wait for a FIFO. */
  readonly openFlags: number;
  /** Whether a file that a process has open or runs cannot be replaced. Often that is a virus scanner, for a moment. */
  readonly locksOpenFiles: boolean;
  /** Codes by which the system refuses to rename, replace or remove a file that is open. */
  readonly inUseCodes: ReadonlySet<string>;
  /** Whether the whole step can run as root (input `sudo`). */
  readonly hasSudo: boolean;
  /** Whether a symlink has a type, for a file or for a directory (symlinks.ts). */
  readonly typesLinks: boolean;
  /** Whether link(2) of a symlink makes another name of the symlink; elsewhere of its target, or it is refused. */
  readonly joinsSymlinks: boolean;
  /** Whether the system can resolve every path that exists (`realPathOf`). */
  readonly resolvesAllPaths: boolean;
  /** Whether the system lists its mount points. */
  readonly listsMounts: boolean;
  /** The directory whose links lead to the open files of this process (proc_pid_fd(5)). Then O_PATH opens directories too. */
  readonly openFiles: string | undefined;
  /** The directory in which `DEVICE/INODE` leads to a file of any name (macOS, see its fsgetpath(2)). */
  readonly filesByInode: string | undefined;
  /** Whether statfs(2) returns the type of a file system as a number of Linux. */
  readonly numbersFileSystems: boolean;
  /** Whether an append-only directory refuses even a chmod to the mode that it has (preflight.ts). */
  readonly refusesInAppendOnly: boolean;
  /** The command that makes an immutable or append-only item writable. */
  readonly unlockCommand: string;
}

/** PATH_MAX without its NUL, and NAME_MAX. For Windows: "Maximum Path Length Limitation", with the `\\?\` of Node. */
const LENGTHS = {
  linux: { maxPathLength: 4095, maxComponentLength: 255, countsUnits: false },
  // APFS counts characters of a name: the system itself refuses a longer one
  darwin: { maxPathLength: 1023, maxComponentLength: 1023, countsUnits: false },
  win32: { maxPathLength: 32_760, maxComponentLength: 255, countsUnits: true },
} as const;

/** Returns the properties of a platform. With `isRoot`, this process may change the owner of files. */
export function platformOf(name: NodeJS.Platform, isRoot: boolean): Platform {
  const isWindows = name === 'win32';
  const isLinux = name === 'linux';
  return {
    hasModes: !isWindows,
    keepsOwners: !isWindows && isRoot,
    mayFoldCase: isWindows || name === 'darwin',
    createCaseProbe,
    foldsLetters: isWindows,
    separator: isWindows ? '\\' : '/',
    hasShares: isWindows,
    // The reserved characters of Microsoft's "Naming Files, Paths, and Namespaces". Names of devices (`aux.js`, `con`) and a dot
    // or blank at the end are valid below the `\\?\` that Node puts before each path
    forbiddenInComponents: isWindows ? /[<>:"\\|?*\u0000-\u001f]/ : undefined,
    // APFS refuses names that are not UTF-8. Node reaches no name of Windows that is not UTF-16 (tried: ENOENT)
    namesAreBytes: !isWindows && name !== 'darwin',
    ...LENGTHS[isWindows ? 'win32' : name === 'darwin' ? 'darwin' : 'linux'],
    openFlags: isWindows ? 0 : (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    locksOpenFiles: isWindows,
    inUseCodes: new Set(isWindows ? ['EACCES', 'EBUSY', 'EPERM'] : []),
    hasSudo: !isWindows,
    typesLinks: isWindows,
    // POSIX does not define this. macOS follows the link
    joinsSymlinks: isLinux,
    resolvesAllPaths: !isWindows,
    listsMounts: isLinux,
    openFiles: isLinux ? '/proc/self/fd' : undefined,
    filesByInode: name === 'darwin' ? '/.vol' : undefined,
    numbersFileSystems: isLinux,
    refusesInAppendOnly: isLinux,
    unlockCommand: isLinux ? 'chattr -ia' : 'chflags nouchg,nouappnd',
  };
}

/** The user and group of this process; undefined on Windows. */
export const thisUser = { uid: process.geteuid?.(), gid: process.getegid?.() };

/** The platform of this process: the one place in archive/ where the system is chosen, so that tests can replace it. */
export const thisPlatform: Platform = platformOf(process.platform, thisUser.uid === 0);
