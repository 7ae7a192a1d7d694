import { Buffer } from 'node:buffer';
import { type BigIntStats, linkSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { attributesOf, setAttributes } from '../../fs/attributes.ts';
import { lstatExact, realPathOf } from '../../fs/file-status.ts';
import { ignoreErrors } from '../../fs/ignore-errors.ts';
import type { PathLayout } from '../../fs/paths/layout.ts';
import { fsPath } from '../../fs/paths/names.ts';
import { thisPlatform } from '../../fs/platform.ts';
import { rename } from '../../fs/rename.ts';
import { openToRead, readAt } from '../../fs/with-file.ts';
import { Turns } from '../../turns.ts';
import type { TargetPlan } from '../plan/target-plan.ts';
import type { StagingArea } from '../staging/staging-area.ts';

/** Attempts to join one name while other restores replace it. */
const ATTEMPTS = 20;
const CHUNK_BYTES = 256 * 1024;

/**
 * Joins hard links again that several restores have separated by publishing the names alternately. Each restore compares all names
 * of a file that it has published, so the last one leaves them joined. A name with other content is of another archive, and stays.
 * Throws only the signal's reason: the content is right without the links.
 */
export async function joinHardLinks(
  plan: TargetPlan,
  layout: PathLayout,
  signal: AbortSignal,
): Promise<void> {
  const turns = new Turns(signal);
  for (const [file, ...names] of linkedNames(plan, layout)) {
    const first = ignoreErrors(() => lstatSync(fsPath(file!)));
    for (const name of names) {
      const isJoined = first && ignoreErrors(() => isSame(first, lstatSync(fsPath(name))));
      if (!isJoined) await join(file!, name, plan.areas, turns).catch(() => signal.throwIfAborted());
      if (turns.isDue()) await turns.take();
    }
  }
}

/** Returns the paths of each restored file with several names. The first path belongs to its file entry. */
function linkedNames({ entries, staged }: TargetPlan, layout: PathLayout): Iterable<readonly string[]> {
  const names = new Map<number, string[]>();
  entries.forEach(({ name, linkTo }, index) => {
    if (linkTo < 0 || !staged.has(index)) return;
    const known = names.get(linkTo) ?? [layout.toAbsolute(entries[linkTo]!.name)];
    known.push(layout.toAbsolute(name));
    names.set(linkTo, known);
  });
  return names.values();
}

async function join(file: string, name: string, areas: readonly StagingArea[], turns: Turns): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [target, other] = [lstatExact(file), lstatExact(name)];
    if (!target || !other || isSame(target, other)) return;
    const area = areas.find(({ dev }) => BigInt(dev) === other.dev);
    if (!area || target.dev !== other.dev || !(await isEqual(file, target, name, other, turns))) return;
    const fresh = area.reserveTree();
    linkSync(fsPath(file), fsPath(fresh));
    const parent = realPathOf(dirname(name));
    const attributes = attributesOf(parent);
    rename(parent, fresh, name);
    setAttributes(parent, attributes);
  }
}

function isSame<S extends Stats | BigIntStats>(a: S, b: S): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** Returns whether two files or two symlinks have the same attributes and content. */
async function isEqual(
  a: string,
  statsOfA: BigIntStats,
  b: string,
  statsOfB: BigIntStats,
  turns: Turns,
): Promise<boolean> {
  const { mode, size, mtimeNs } = statsOfA;
  if (mode !== statsOfB.mode || size !== statsOfB.size || mtimeNs !== statsOfB.mtimeNs) return false;
  if (statsOfA.isFile()) return haveSameContent(a, b, turns);
  if (!statsOfA.isSymbolicLink() || !thisPlatform.joinsSymlinks) return false;
  return readlinkSync(fsPath(a), 'buffer').equals(readlinkSync(fsPath(b), 'buffer'));
}

async function haveSameContent(a: string, b: string, turns: Turns): Promise<boolean> {
  using first = openToRead(a, thisPlatform.openFlags);
  using second = openToRead(b, thisPlatform.openFlags);
  const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
  for (let position = 0; ; position += CHUNK_BYTES) {
    const count = readAt(first.fd, left, position);
    if (readAt(second.fd, right, position) !== count || left.compare(right, 0, count, 0, count) !== 0)
      return false;
    if (count < CHUNK_BYTES) return true;
    if (turns.isDue()) await turns.take();
  }
}
