import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { caseProbe, pathKeys } from './case-folding.ts';
import { EntryType, parentName } from './entry.ts';
import { exactStatus, type FileStatus, lstatOf, statBehind } from './file-status.ts';
import type { PathLayout } from './layout.ts';
import { compareNames, decodeName, fsPath } from './names.ts';
import { RootPaths } from './nesting.ts';
import { thisPlatform, toMicroseconds } from './platform.ts';
import { isStagingName } from './staging-name.ts';
import { readable, unreadable } from './tree-errors.ts';

/** Why something that a scan has seen is not in the archive. */
export const VANISHED_WHILE_SAVED = 'it vanished while it was saved';

/** One thing found on the disk, not yet read. */
export interface Scanned {
  readonly name: string;
  readonly path: string;
  readonly type: EntryType;
  readonly stats: FileStatus;
  /** Exact; without `exact` status 0 for a file with data: that is read again, exactly, with the data. */
  readonly mtimeUs: number;
  /** A file's size; 0 for everything else. */
  readonly dataBytes: number;
  /** A symlink's target or the stored name of a hard link's first name, else ''. */
  readonly linkName: string;
  /** Of a file with several names, to which other names may be linked. */
  readonly inode?: Inode | undefined;
}

export interface Inode {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What a scan had to leave out, or could not keep as it is. */
export interface ScanNotes {
  leftOut(path: string, why: string): void;
  timeBefore1970(path: string): void;
}

/**
 * Walks what the layout names, in byte order of the stored names, parents first, each thing once. Lazy and
 * synchronous: a frame's worth is read from the disk when it is asked for, so that work begins with the first frame.
 * `exact` fills `stats.exact` of everything.
 * Throws `SourceTreeError` for a directory that cannot be read.
 */
export function* scan(
  layout: PathLayout,
  roots: readonly string[],
  notes: ScanNotes,
  exact = false,
): Generator<Scanned> {
  const walk = new Walk(layout, notes, exact);
  yield* walk.roots(roots.map(path => ({ path, name: layout.toStored(path) })));
}

interface Root {
  readonly path: string;
  readonly name: string;
}

interface Child extends Root {
  readonly stats: FileStatus;
  readonly isDirectory: boolean;
  /** The name as it sorts: with the slash that a directory's stored name ends in. */
  readonly sortName: string;
}

class Walk {
  readonly #layout: PathLayout;
  readonly #notes: ScanNotes;
  readonly #exact: boolean;
  /** Files with several names: the first name, by device and inode. */
  readonly #firstNames = new Map<string, string>();
  #nested: readonly Child[] = [];

  constructor(layout: PathLayout, notes: ScanNotes, exact: boolean) {
    this.#layout = layout;
    this.#notes = notes;
    this.#exact = exact;
  }

  *roots(roots: readonly Root[]): Generator<Scanned> {
    this.#nested = this.#outermost(roots);
    let covered = '';
    for (const root of this.#nested) {
      if (covered !== '' && root.sortName.startsWith(covered)) continue;
      if (root.isDirectory) covered = root.sortName;
      yield* this.#visit(root);
    }
  }

  /** The roots that no walk of another one comes to, in order. A directory has the name that its outermost root gives it. */
  #outermost(roots: readonly Root[]): readonly Child[] {
    const paths = new RootPaths<Child>(pathKeys(thisPlatform, caseProbe()));
    const found: Child[] = [];
    for (const root of roots) {
      const stats = statusOf(root.path, this.#layout.followsLink(root.path), this.#exact);
      const child = stats && childOf(root, stats);
      if (child && !paths.add(root.path, child)) found.push(child);
    }
    return found.sort(bySortName).filter(root => !this.#isLedTo(root, paths));
  }

  /** Whether the walk of another root comes to this one, or a restore would not: neither begins a walk of its own. */
  #isLedTo(root: Child, paths: RootPaths<Child>): boolean {
    const above = paths.above(root.path);
    if (above?.root.isDirectory && !this.#leavesOut(above.root.path, above.components)) return true;
    for (let at = above?.root; at; at = paths.above(at.path)?.root) {
      if (!at.stats.isSymbolicLink()) continue;
      // A restore goes through no link of its own archive
      this.#notes.leftOut(root.path, 'it is reached through a link that is saved as a link');
      return true;
    }
    // The step names the directory that it stands in, and has not found it: a search turns round at such a link
    const isBehindCircle = this.#layout.permits(parentName(root.name));
    if (isBehindCircle)
      this.#notes.leftOut(root.path, 'it is reached through a link to a directory above it');
    return isBehindCircle;
  }

  /** Whether a directory between two roots is excluded. */
  #leavesOut(directory: string, components: readonly string[]): boolean {
    let at = directory;
    return (
      this.#layout.hasExclusions &&
      components.slice(0, -1).some(component => {
        at = join(at, component);
        return this.#layout.excludes(at);
      })
    );
  }

  *#visit(child: Child): Generator<Scanned> {
    if (this.#layout.hasExclusions && this.#layout.excludes(child.path)) {
      // A later pattern may name something below an excluded directory
      if (child.isDirectory) yield* this.#rootsBelow(child.sortName);
      else this.#leaveOutBelow(`${child.sortName}/`);
      return;
    }
    if (!child.isDirectory) {
      const scanned = this.#leaf(child);
      if (scanned) yield scanned;
      return;
    }
    yield this.#scanned(child, EntryType.directory, '');
    for (const next of this.#children(child)) yield* this.#visit(next);
  }

  *#rootsBelow(directory: string): Generator<Scanned> {
    let covered = '';
    for (const root of this.#nested) {
      if (!root.sortName.startsWith(directory) || root.sortName === directory) continue;
      if (covered !== '' && root.sortName.startsWith(covered)) continue;
      if (root.isDirectory) covered = root.sortName;
      yield* this.#visit(root);
    }
  }

  /** Names below a link have no place in the order of those around it. */
  #leaveOutBelow(link: string): void {
    for (const { path, sortName } of this.#nested)
      if (sortName.startsWith(link))
        this.#notes.leftOut(path, 'it is reached through a link that `path` excludes');
  }

  #children(directory: Child): Child[] {
    const children: Child[] = [];
    const separator = directory.path.endsWith('/') ? '' : '/';
    for (const name of namesIn(directory.path)) {
      if (isStagingName(name)) continue;
      const path = `${directory.path}${separator}${name}`;
      const stats = statusOf(path, false, this.#exact);
      if (stats) children.push(childOf({ path, name: directory.sortName + name }, stats));
    }
    return children.sort(bySortName);
  }

  #leaf(child: Child): Scanned | undefined {
    const { stats, path } = child;
    if (stats.isSymbolicLink()) {
      const target = targetOf(path);
      if (target !== undefined) return this.#scanned(child, EntryType.symlink, target);
      this.#notes.leftOut(path, VANISHED_WHILE_SAVED);
      return undefined;
    }
    if (!stats.isFile()) {
      this.#notes.leftOut(path, 'it is neither file, directory nor link');
      return undefined;
    }
    if (stats.nlink > 1) {
      const inode = inodeOf(child);
      const identity = inode ? `${inode.dev}:${inode.ino}` : path;
      const first = this.#firstNames.get(identity);
      if (first !== undefined) return this.#scanned(child, EntryType.hardLink, first);
      this.#firstNames.set(identity, child.name);
      return { ...this.#scanned(child, EntryType.file, ''), inode };
    }
    return this.#scanned(child, EntryType.file, '');
  }

  #scanned(child: Child, type: EntryType, linkName: string): Scanned {
    if (child.stats.mtimeMs < 0) this.#notes.timeBefore1970(child.path);
    const hasData = type === EntryType.file && child.stats.size > 0;
    return {
      name: child.sortName,
      path: child.path,
      type,
      stats: child.stats,
      mtimeUs: hasData && !child.stats.exact ? 0 : exactMtime(child),
      dataBytes: hasData ? child.stats.size : 0,
      linkName,
    };
  }
}

function childOf(root: Root, stats: FileStatus): Child {
  const isDirectory = stats.isDirectory();
  const sortName = isDirectory && !root.name.endsWith('/') ? `${root.name}/` : root.name;
  return { ...root, stats, isDirectory, sortName };
}

function bySortName(a: Child, b: Child): number {
  return compareNames(a.sortName, b.sortName);
}

/** undefined: it has vanished since its name was read. */
function statusOf(path: string, follow: boolean, exact: boolean): FileStatus | undefined {
  try {
    const stats = lstatOf(path, exact);
    if (!follow || !stats?.isSymbolicLink()) return stats;
    const behind = statBehind(path, exact);
    return behind?.isDirectory() ? behind : stats;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

function exactMtime({ path, stats, isDirectory }: Child): number {
  // A directory behind a followed link is not what lstat sees
  const look = () =>
    isDirectory ? statSync(fsPath(path), { bigint: true, throwIfNoEntry: false }) : exactStatus(path);
  const exact = stats.exact ?? readable(path, look);
  return exact ? toMicroseconds(exact.mtimeNs) : Math.max(0, Math.floor(stats.mtimeMs * 1000));
}

/** undefined: it has vanished. */
function inodeOf({ path, stats }: Child): Inode | undefined {
  const exact = stats.exact ?? readable(path, () => exactStatus(path));
  return exact && { dev: exact.dev, ino: exact.ino };
}

function namesIn(directory: string): string[] {
  try {
    const names = readdirSync(fsPath(directory), 'utf8');
    // A name that is not UTF-8 comes with U+FFFD in place of its bytes: read those directories again, as bytes
    if (!names.some(name => name.includes('\ufffd'))) return names;
    return readdirSync(fsPath(directory), 'buffer').map(decodeName);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw unreadable(directory, error);
  }
}

/** undefined: it has vanished, or is no symlink any more. */
function targetOf(path: string): string | undefined {
  try {
    return decodeName(readlinkSync(fsPath(path), 'buffer'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw unreadable(path, error);
  }
}
