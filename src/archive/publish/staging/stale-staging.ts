import {
  chmodSync,
  constants,
  type Dirent,
  lstatSync,
  readdirSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { attributesOf, setAttributes } from '../../fs/attributes.ts';
import { lstat, realPathOf } from '../../fs/file-status.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import { findMount, readMounts } from '../../fs/mounts.ts';
import { decodeName, fsPath } from '../../fs/paths/names.ts';
import { isStagingName } from '../../fs/paths/staging-name.ts';
import { thisPlatform, thisUser } from '../../fs/platform.ts';
import { makeWritable } from '../../fs/writable.ts';
import { Turns } from '../../turns.ts';
import { openDirectory, withShortPath } from './short-path.ts';
import { markEnded, OWNER_FILES, ownerState } from './staging-owner.ts';

/** Age in ms from which staging is removed if it is not known whether its process runs. */
const STALE_STAGING_MS = 24 * 60 * 60 * 1000;

/** Retries of a removal while another process removes or creates files there, or has one open. */
const REMOVAL_RETRIES = 3;

/** Staging of earlier restores that remains in a directory. */
export interface RemainingStaging {
  readonly directory: string;
  /** Number of staging directories whose process may still run. */
  readonly maybeInUse: number;
  /** Number of staging directories with files that a process has open or runs, on Windows. The next restore removes them. */
  readonly open: number;
  /** Number of staging directories that this user cannot remove. */
  readonly irremovable: number;
}

/** Describes `count` directories in `directory` that could not be removed. */
export function irremovableStaging(directory: string, count: number): RemainingStaging {
  const areOpen = thisPlatform.locksOpenFiles;
  return { directory, maybeInUse: 0, open: areOpen ? count : 0, irremovable: areOpen ? 0 : count };
}

/**
 * Removes staging in `directory` if its process has ended, or if its process is unknown and it is older than a day. Returns a
 * description of the rest, without the staging of running processes, or nothing. Throws only the signal's reason.
 */
export async function removeStaleStaging(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<readonly RemainingStaging[]> {
  // Another job may have removed the directory, and nothing depends on the result
  const found = ignoreErrors(() => withShortPath(directory, findStaging)) ?? [];
  const namesOf = (wanted: FoundStaging['state']) =>
    found.filter(({ state }) => state === wanted).map(({ name }) => name);
  const stale = namesOf('stale');
  for (const name of stale) await emptyTree(`${directory}/${name}`, signal);
  const left =
    stale.length === 0 ? 0 : (ignoreErrors(() => withShortPath(directory, at => removeFrom(at, stale))) ?? 0);
  const failed = irremovableStaging(directory, left);
  const maybeInUse = namesOf('maybeInUse').length;
  const irremovable = failed.irremovable + namesOf('irremovable').length;
  return maybeInUse + failed.open + irremovable > 0 ? [{ ...failed, maybeInUse, irremovable }] : [];
}

function findStaging(directory: string): readonly FoundStaging[] {
  const names = readdirSync(fsPath(directory)).filter(isStagingName);
  return names.map(name => ({ name, state: stateOf(`${directory}/${name}`) }));
}

interface FoundStaging {
  readonly name: string;
  readonly state: 'stale' | 'maybeInUse' | 'irremovable' | 'ignored';
}

/** Returns the state of an item with a name of staging. Users other than root can remove only directories of their own. */
function stateOf(path: string): FoundStaging['state'] {
  const stats = lstat(path);
  if (!stats?.isDirectory()) return 'ignored';
  const isOld = Date.now() - stats.mtimeMs >= STALE_STAGING_MS;
  const { uid = 0 } = thisUser;
  if (uid !== 0 && stats.uid !== uid) return isOld ? 'irremovable' : 'ignored';
  const owner = ownerState(path);
  if (owner === 'running') return 'ignored';
  // A mount in staging was moved there with a directory: it is the user's
  if (findMount(realPathOf(path), readMounts()) !== undefined) return 'irremovable';
  return owner === 'ended' || isOld ? 'stale' : 'maybeInUse';
}

/** Removes staging that `emptyTree` has emptied. Returns the number of directories that could not be removed. */
function removeFrom(directory: string, stale: readonly string[]): number {
  const real = realPathOf(directory);
  const before = attributesOf(real);
  // There may be many files that a process has open, and a retry would rarely help
  const retries = thisPlatform.locksOpenFiles ? 0 : REMOVAL_RETRIES;
  const left = stale.filter(name => !tryRemoveRest(directory, `${directory}/${name}`, retries));
  // A removal changes the times of the directory, and may make it writable
  setAttributes(directory, before);
  return left.length;
}

/**
 * Removes nearly all that is in a staging directory, read-only directories included, with turns of the event loop in between. The
 * files about its process stay, for the case that the rest is not removed. Throws only the signal's reason.
 */
export async function emptyTree(path: string, signal: AbortSignal | undefined): Promise<void> {
  const turns = new Turns(signal);
  if (!thisPlatform.openFiles) return emptyIn(path, turns, OWNER_FILES);
  // The owner of the directory above may replace staging by a link meanwhile, but cannot replace an open directory
  using handle = ignoreErrors(() => openDirectory(path, constants.O_NOFOLLOW));
  if (handle) await emptyIn(handle.path, turns, OWNER_FILES);
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

/** Makes a directory writable, and returns the items in it. */
function readItems(directory: string): Dirent<Buffer>[] {
  const path = fsPath(directory);
  if ((lstatSync(path).mode & 0o700) !== 0o700) chmodSync(path, 0o700);
  return readdirSync(path, { withFileTypes: true, encoding: 'buffer' });
}

/** Removes a staging directory in `parent` that `emptyTree` has emptied. Returns whether it is removed. Never throws. */
export function tryRemoveRest(parent: string, path: string, maxRetries = REMOVAL_RETRIES): boolean {
  const options = { recursive: true, force: true, maxRetries } as const;
  const isRemoved = ignoreErrors(() => {
    makeWritable(parent, () => rmSync(fsPath(path), options));
    return true;
  });
  if (!isRemoved) markEnded(path);
  return isRemoved ?? false;
}
