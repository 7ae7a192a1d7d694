import {
  chmodSync,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { Turns } from '../format/turns.ts';
import { realPathOf } from '../fs/file-status.ts';
import { fileSystemKind } from '../fs/file-system-kind.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { findMount, readMountPoints } from '../fs/mounts.ts';
import { decodeName, fsPath } from '../fs/paths/names.ts';
import { isStagingName } from '../fs/paths/staging-name.ts';
import { thisPlatform } from '../fs/platform.ts';
import { makeWritable } from '../fs/writable.ts';
import { applyAttributes, attributesOf } from './attributes.ts';
import { openDirectory, withShortPath } from './short-path.ts';

/** Age in ms from which staging is removed if it is not known whether its process runs. */
const STALE_STAGING_MS = 24 * 60 * 60 * 1000;

/** A file in a staging directory that identifies the process of its restore. */
const OWNER_FILE = 'owner';
const MAX_OWNER_BYTES = 1024;
/** Retries of a removal, while another process removes or creates files there, or has one open. */
const REMOVAL_RETRIES = 3;
/** An empty file in the staging directory of a restore that has ended and could not remove it. */
const ENDED_FILE = 'ended';

/** A process on one kernel. Containers have process ids of their own, which mean nothing outside their namespace. */
interface ProcessIdentity {
  readonly bootId: string;
  readonly pidNamespace: string;
  readonly pid: number;
  /** In clock ticks since the boot, because process ids are used again. */
  readonly startTime: string;
}

/** Staging of earlier restores that remains in a directory. */
export interface RemainingStaging {
  readonly directory: string;
  /** Count of those whose process may still run. */
  readonly maybeInUse: number;
  /** Count of those with files that a process has open or runs, which Windows does not remove. The next restore does. */
  readonly open: number;
  /** Count of those that this user cannot remove. */
  readonly irremovable: number;
}

/** Describes `count` directories in `directory` that could not be removed. */
export function irremovableStaging(directory: string, count: number): RemainingStaging {
  const areOpen = thisPlatform.locksOpenFiles;
  return { directory, maybeInUse: 0, open: areOpen ? count : 0, irremovable: areOpen ? 0 : count };
}

/**
 * Removes staging in `directory` whose process has ended, or is unknown if it is older than a day. Returns the
 * rest, without the staging of processes that run, or undefined if there is none. Throws only the signal's reason.
 */
export async function removeStaleStaging(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<RemainingStaging | undefined> {
  // Another job may have removed the directory, and nothing depends on the result
  const found = ignoreErrors(() => withShortPath(directory, short => stagingIn(short))) ?? [];
  const count = (wanted: FoundStaging['state']) => found.filter(({ state }) => state === wanted).length;
  const stale = found.filter(({ state }) => state === 'stale').map(({ name }) => name);
  for (const name of stale) await emptyTree(`${directory}/${name}`, signal);
  const left =
    stale.length === 0 ? 0 : ignoreErrors(() => withShortPath(directory, short => removeFrom(short, stale)));
  const { open, irremovable: failed } = irremovableStaging(directory, left ?? 0);
  const [maybeInUse, irremovable] = [count('maybeInUse'), count('irremovable') + failed];
  return maybeInUse + open + irremovable > 0 ? { directory, maybeInUse, open, irremovable } : undefined;
}

function stagingIn(directory: string): readonly FoundStaging[] {
  const names = readdirSync(fsPath(directory)).filter(isStagingName);
  return names.map(name => ({ name, state: stateOf(`${directory}/${name}`) }));
}

interface FoundStaging {
  readonly name: string;
  readonly state: 'stale' | 'maybeInUse' | 'irremovable' | 'ignored';
}

/** Only directories are staging, and only those of this user can be removed. */
function stateOf(path: string): FoundStaging['state'] {
  const stats = lstatSync(fsPath(path), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return 'ignored';
  const user = process.geteuid?.() ?? 0;
  const isOld = Date.now() - stats.mtimeMs >= STALE_STAGING_MS;
  if (user !== 0 && stats.uid !== user) return isOld ? 'irremovable' : 'ignored';
  const owner = ownerState(path);
  if (owner === 'running') return 'ignored';
  // A mount in staging came with a directory that was moved aside: it is the user's
  if (findMount(realPathOf(path), readMountPoints()) !== undefined) return 'irremovable';
  return owner === 'ended' || isOld ? 'stale' : 'maybeInUse';
}

/** Returns the count of those that could not be removed. */
function removeFrom(directory: string, stale: readonly string[]): number {
  const real = realPathOf(directory);
  const before = attributesOf(real);
  // There may be many files that a process has open, and a retry would rarely help
  const retries = thisPlatform.locksOpenFiles ? 0 : REMOVAL_RETRIES;
  // Staging with files of root stays. The rest is removed, and the directory gets its mode back
  const removed = stale.filter(name =>
    ignoreErrors(() => {
      makeWritable(directory, () => removeTree(`${directory}/${name}`, retries));
      return true;
    }),
  );
  for (const name of stale) if (!removed.includes(name)) markEnded(`${directory}/${name}`);
  applyAttributes(directory, before);
  return stale.length - removed.length;
}

/**
 * Removes nearly all that is in a staging directory, with turns of the event loop in between: `removeTree` has none. The files
 * about its process stay, for the case that the rest is not removed. Throws only the signal's reason.
 */
export async function emptyTree(path: string, signal: AbortSignal | undefined): Promise<void> {
  const turns = new Turns(signal);
  if (process.platform !== 'linux') return emptyIn(path, turns, [OWNER_FILE, ENDED_FILE]);
  // The owner of the directory above may replace staging by a link while it is emptied, but not what is in it
  const handle = ignoreErrors(() => openDirectory(path, constants.O_NOFOLLOW));
  try {
    if (handle) await emptyIn(handle.path, turns, [OWNER_FILE, ENDED_FILE]);
  } finally {
    handle?.close();
  }
}

async function emptyIn(directory: string, turns: Turns, kept: readonly string[] = []): Promise<void> {
  for (const found of ignoreErrors(() => readItems(directory)) ?? []) {
    const name = decodeName(found.name);
    if (kept.includes(name)) continue;
    const path = fsPath(`${directory}/${name}`);
    if (found.isDirectory()) {
      await emptyIn(`${directory}/${name}`, turns);
      ignoreErrors(() => rmdirSync(path));
    } else ignoreErrors(() => unlinkSync(path));
    if (turns.isDue()) await turns.take();
  }
}

/** Makes the directory writable too. */
function readItems(directory: string): Dirent<Buffer>[] {
  const path = fsPath(directory);
  if ((lstatSync(path).mode & 0o700) !== 0o700) chmodSync(path, 0o700);
  return readdirSync(path, { withFileTypes: true, encoding: 'buffer' });
}

/** Removes a tree of this user, read-only directories included. Does nothing if it is not there. */
export function removeTree(path: string, maxRetries = REMOVAL_RETRIES): void {
  const options = { recursive: true, force: true, maxRetries } as const;
  try {
    rmSync(fsPath(path), options);
  } catch {
    makeRemovable(path);
    rmSync(fsPath(path), options);
  }
}

/** Only root can remove items from a directory without write permission. */
function makeRemovable(directory: string): void {
  const stats = lstatSync(fsPath(directory), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  chmodSync(fsPath(directory), 0o700);
  withShortPath(directory, short => {
    for (const name of readdirSync(fsPath(short), 'buffer')) makeRemovable(`${short}/${decodeName(name)}`);
  });
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

/** Removes the identity from a staging directory that shall outlive its process. Throws the system's errors. */
export function disown(staging: string): void {
  rmSync(fsPath(`${staging}/${OWNER_FILE}`), { force: true });
}

/**
 * Returns whether the restore of a staging directory runs. Returns `unknown` for one of another machine, boot or process
 * namespace, on a file system that other machines may have mounted, and on systems other than Linux.
 */
function ownerState(staging: string): 'running' | 'ended' | 'unknown' {
  if (lstatSync(fsPath(`${staging}/${ENDED_FILE}`), { throwIfNoEntry: false })?.isFile()) return 'ended';
  if (fileSystemKind(staging) === 'other') return 'unknown';
  const self = readOwnIdentity();
  const owner = ignoreErrors(() => readOwner(`${staging}/${OWNER_FILE}`));
  if (!self || !owner || owner.bootId !== self.bootId || owner.pidNamespace !== self.pidNamespace)
    return 'unknown';
  return hasEnded(owner) ? 'ended' : 'running';
}

/** Returns undefined on systems other than Linux, and where /proc is of another process namespace. */
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

/** Throws for a file that `writeOwner` has not written. Another user's file may be a FIFO or endless. */
function readOwner(file: string): ProcessIdentity {
  const fd = openSync(fsPath(file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > MAX_OWNER_BYTES) throw new TypeError('not an owner file');
    const owner = JSON.parse(readFileSync(fd, 'utf8'));
    if (!Number.isSafeInteger(owner.pid) || owner.pid <= 0) throw new TypeError('not a process id');
    return owner;
  } finally {
    closeSync(fd);
  }
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
