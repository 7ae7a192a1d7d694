import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { lstat } from '../../fs/file-status.ts';
import { fileSystemKind } from '../../fs/file-system-kind.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { readSmallFile } from '../../fs/small-file.ts';

/** A file in a staging directory that identifies the process of its restore. */
const OWNER_FILE = 'owner';
const MAX_OWNER_BYTES = 1024;
/** An empty file in the staging directory of a restore that has ended and could not remove it. */
const ENDED_FILE = 'ended';

/** Names of the files about the process of a restore, which are removed from its staging directory last. */
export const OWNER_FILES: readonly string[] = [OWNER_FILE, ENDED_FILE];

/** Identity of a process on one kernel. A container has process ids of its own, which are not valid outside its namespace. */
interface ProcessIdentity {
  readonly bootId: string;
  readonly pidNamespace: string;
  readonly pid: number;
  /** Start in clock ticks since the boot. Process ids are used again, so `pid` alone does not identify a process. */
  readonly startTime: string;
}

/** Writes the identity of this process into its new staging directory. Throws the system's errors. */
export function writeOwner(staging: string): void {
  const identity = readOwnIdentity();
  if (!identity) return;
  writeFileSync(fsPath(`${staging}/${OWNER_FILE}`), JSON.stringify(identity), { flag: 'wx', mode: 0o600 });
}

/**
 * Marks a staging directory whose restore has ended and whose files may be open, so that the next restore removes it. Never
 * throws.
 */
export function markEnded(staging: string): void {
  if (!thisPlatform.locksOpenFiles) return;
  ignoreErrors(() => writeFileSync(fsPath(`${staging}/${ENDED_FILE}`), '', { flag: 'wx', mode: 0o600 }));
}

/** Removes the identity from a staging directory, which is kept for a day then. Throws the system's errors. */
export function removeOwner(staging: string): void {
  rmSync(fsPath(`${staging}/${OWNER_FILE}`), { force: true });
}

/**
 * Returns whether the restore of a staging directory runs. Returns `unknown` for one of another machine, boot or process
 * namespace, on a file system that other machines may have mounted, and on systems other than Linux.
 */
export function ownerState(staging: string): 'running' | 'ended' | 'unknown' {
  if (lstat(`${staging}/${ENDED_FILE}`)?.isFile()) return 'ended';
  if (fileSystemKind(staging) === 'other') return 'unknown';
  const self = readOwnIdentity();
  const owner = ignoreErrors(() => readOwner(`${staging}/${OWNER_FILE}`));
  if (!self || !owner || owner.bootId !== self.bootId || owner.pidNamespace !== self.pidNamespace)
    return 'unknown';
  return hasEnded(owner) ? 'ended' : 'running';
}

/** Reads the identity of this process. Returns undefined on other systems than Linux, and if /proc is of another namespace. */
function readOwnIdentity(): ProcessIdentity | undefined {
  return ignoreErrors(() => {
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    return {
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      pidNamespace: readlinkSync('/proc/self/ns/pid'),
      pid: process.pid,
      startTime: readProcess('self').startTime,
    };
  });
}

/** Reads an identity. Throws for a file that `writeOwner` has not written: the file of another user may be a FIFO or endless. */
function readOwner(file: string): ProcessIdentity {
  const owner = JSON.parse(readSmallFile(file, MAX_OWNER_BYTES, thisPlatform.openFlags));
  if (!Number.isSafeInteger(owner.pid) || owner.pid <= 0) throw new TypeError('not a process id');
  return owner;
}

/** Returns whether a process of this boot and namespace has ended. */
function hasEnded({ pid, startTime }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  // With the mount option `hidepid`, /proc does not show every process
  const found = ignoreErrors(() => readProcess(String(pid)));
  return found !== undefined && (found.startTime !== startTime || found.state === 'Z');
}

/** Reads fields 3 and 22 of proc_pid_stat(5). Field 2, the name, may contain blanks and parentheses. */
function readProcess(pid: string): { readonly state: string; readonly startTime: string } {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, startTime: fields[19]! };
}
