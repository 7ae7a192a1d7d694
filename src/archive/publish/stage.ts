/**
 * This folder makes restored files visible, on the main thread, in three steps: a plan (plan/), directories and links in staging
 * (here, with the areas in staging/), and a commit of renames (commit/).
 */

import { Buffer } from 'node:buffer';
import {
  closeSync,
  fstatSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TargetTreeError } from '../archive-errors.ts';
import { type Entry, EntryType, inodeOf } from '../format/entry.ts';
import { forEachInTurns, Turns } from '../format/turns.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { encodeName, fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { creationMode, makeReadOnly } from '../fs/read-only.ts';
import { isRefusal, type RefusedAttributes } from '../fs/refused-attributes.ts';
import { showPath, writeError } from '../fs/tree-errors.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { applyAttributes } from './attributes.ts';
import { FreshDirectories } from './fresh-directories.ts';
import { LinkTargets } from './link-targets.ts';
import { finalPathOf, leaveOut, type StagedFiles, type TargetPlan } from './plan/target-plan.ts';
import type { RemainingStaging } from './staging/stale-staging.ts';

const COPY_BYTES = 1024 * 1024;

/**
 * Builds in staging everything but files: directories before the files, links and directory attributes after them.
 * Between `open` and `close` the process's umask is 0, so that files are created with their final mode.
 */
export class Stage {
  readonly #plan: TargetPlan;
  readonly #fresh: FreshDirectories;
  readonly #entries: readonly Entry[];
  readonly #targets: LinkTargets;
  readonly #layout: PathLayout;
  readonly #refused: RefusedAttributes;
  /** Symlinks that this user may not create and that nothing can replace. */
  readonly #leftOut = new Set<number>();
  #umask = 0;

  /** Counts what the system refuses in `refused`. */
  constructor(
    plan: TargetPlan,
    entries: readonly Entry[],
    layout: PathLayout,
    runner: JobRunner,
    refused: RefusedAttributes,
  ) {
    this.#plan = plan;
    this.#fresh = new FreshDirectories(plan, entries, runner, refused);
    this.#entries = entries;
    this.#layout = layout;
    this.#targets = new LinkTargets(entries, layout);
    this.#refused = refused;
  }

  /** Makes the staging areas and the directories in them. Throws `TargetTreeError` and the signal's reason. */
  async open(signal?: AbortSignal): Promise<void> {
    this.#umask = process.umask(0);
    for (const area of this.#plan.areas) area.create();
    await this.#fresh.make(this.#umask, signal);
  }

  /** Paths for the files. Call it after `open`. */
  get files(): StagedFiles {
    return { paths: this.#plan.staged, masksModes: this.#plan.areas.some(area => area.masksModes) };
  }

  /**
   * Makes symlinks and hard links, or copies where links are refused. The linked files must exist. Returns the paths of
   * symlinks that are left out. Throws `TargetTreeError` and the signal's reason.
   */
  async addLinks(signal?: AbortSignal): Promise<readonly string[]> {
    await forEachInTurns(this.#entries, signal, (entry, index): void | Promise<void> => {
      if (entry.type !== EntryType.symlink && entry.type !== EntryType.hardLink) return;
      const path = this.#plan.staged.at(index)!;
      if (path === '') return;
      const inode = inodeOf(entry, this.#entries);
      if (inode.type === EntryType.file) return this.#hardLink(path, entry.linkTo, signal);
      if (entry === inode || !this.#joinSymlinks(path, entry.linkTo))
        return this.#symlink(index, path, { ...inode, name: entry.name }, signal);
    });
    leaveOut(this.#plan, this.#leftOut);
    return [...this.#leftOut].map(index => this.#layout.toAbsolute(this.#entries[index]!.name));
  }

  /** Sets modes, owners and times of the staged directories, deepest first. Top ones stay writable for their rename. */
  async finishDirectories(signal?: AbortSignal): Promise<void> {
    await this.#fresh.finish(signal);
  }

  /** Resets the umask and closes open directories. Paths in staging must not be used after it. */
  close(): void {
    process.umask(this.#umask);
    this.#plan.shortPaths.close();
  }

  /**
   * Removes all staging before a commit: the tree is as it was. Returns what could not be removed. Never throws, because
   * an error is being handled.
   */
  async discard(): Promise<readonly RemainingStaging[]> {
    const remaining: RemainingStaging[] = [];
    for (const area of this.#plan.areas) if (!(await area.tryDiscard())) remaining.push(area.remaining);
    return remaining;
  }

  #symlink(index: number, path: string, entry: Entry, signal: AbortSignal | undefined): void | Promise<void> {
    const type = thisPlatform.typesLinks ? this.#targets.typeOf(entry) : null;
    const target = entry.target.isWellFormed() ? entry.target : encodeName(entry.target);
    const refusal = this.#guarded(path, () => refusalOf(() => symlinkSync(target, fsPath(path), type)));
    if (refusal === undefined) this.#guarded(path, () => this.#finishSymlink(path, entry));
    else if (type === null) throw symlinkError(finalPathOf(path, this.#plan), refusal);
    else return this.#substitute(index, path, entry, type, signal);
  }

  /**
   * Makes a junction or a copy in place of a symlink where Windows lets only some users create one. Leaves the link out if it
   * leads to neither a directory nor a file of the archive: an archive must not choose another file to be copied.
   */
  async #substitute(
    index: number,
    path: string,
    entry: Entry,
    type: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const target = resolve(dirname(this.#layout.toAbsolute(entry.name)), entry.target);
    const file = type === 'file' ? this.#targets.fileOf(entry) : undefined;
    if (file !== undefined) await this.#copy(file, path, signal);
    else if (type === 'dir' && !isOnShare(target)) {
      const refusal = this.#guarded(path, () =>
        refusalOf(() => symlinkSync(target, fsPath(path), 'junction')),
      );
      if (refusal !== undefined) return void this.#leftOut.add(index);
      this.#guarded(path, () => this.#finishSymlink(path, entry));
    } else return void this.#leftOut.add(index);
    this.#refused.counts.symlinks++;
  }

  #finishSymlink(path: string, entry: Entry): void {
    const { uid, gid } = entry;
    if (thisPlatform.keepsOwners && uid >= 0)
      this.#refused.attempt('owners', () => lchownSync(fsPath(path), uid, gid));
    this.#refused.attemptTime(
      entry,
      seconds => lutimesSync(fsPath(path), Date.now() / 1000, seconds),
      () => lstatSync(fsPath(path)).mtimeMs,
    );
  }

  /** Makes a hard link to a symlink. Returns false where the system refuses it: another symlink has the same content. */
  #joinSymlinks(path: string, linkTo: number): boolean {
    try {
      if (thisPlatform.joinsSymlinks) {
        linkSync(fsPath(this.#plan.staged.at(linkTo)!), fsPath(path));
        return true;
      }
    } catch {
      // As on a platform that does not join them
    }
    this.#refused.counts.hardLinks++;
    return false;
  }

  async #hardLink(path: string, linkTo: number, signal: AbortSignal | undefined): Promise<void> {
    const source = this.#plan.staged.at(linkTo)!;
    try {
      linkSync(fsPath(source), fsPath(path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // Two roots on two file systems here, or a file system without hard links: a copy has the same content
      if (!isRefusal(error) && code !== 'EXDEV' && code !== 'EMLINK') throw this.#finalError(path, error);
      this.#refused.counts.hardLinks++;
      await this.#copy(linkTo, path, signal);
    }
  }

  /** Copies a file of the archive, which is in staging or, if it is not restored, on the disk already. */
  async #copy(file: number, path: string, signal: AbortSignal | undefined): Promise<void> {
    const original = this.#entries[file]!;
    const source = this.#plan.staged.at(file) || this.#layout.toAbsolute(original.name);
    const [from, to] = this.#guarded(path, () => openCopy(source, path));
    try {
      const turns = new Turns(signal);
      while (this.#guarded(path, () => copyChunk(from, to))) if (turns.isDue()) await turns.take();
    } finally {
      closeSync(to);
      closeSync(from);
    }
    this.#guarded(path, () => applyAttributes(path, original, this.#refused));
    this.#guarded(path, () => makeReadOnly(path, original.mode, this.#refused));
  }

  /** Runs `change`. Its errors get the final path, because users do not know the paths in staging. */
  #guarded<T>(path: string, change: () => T): T {
    try {
      return change();
    } catch (error) {
      throw this.#finalError(path, error);
    }
  }

  #finalError(path: string, error: unknown): TargetTreeError {
    return error instanceof TargetTreeError ? error : writeError(finalPathOf(path, this.#plan), error);
  }
}

/** Opens a file and a new one for its data. Node's `copyFile` sets the mode too, and fails where that is refused. */
function openCopy(from: string, to: string): readonly [number, number] {
  const source = openSync(fsPath(from), 'r');
  try {
    return [source, openSync(fsPath(to), 'wx', creationMode(fstatSync(source).mode))];
  } catch (error) {
    closeSync(source);
    throw error;
  }
}

/** Copies the next bytes. Returns false at the end of the file. */
function copyChunk(source: number, target: number): boolean {
  const chunk = Buffer.allocUnsafe(COPY_BYTES);
  const count = readSync(source, chunk, 0, COPY_BYTES, null);
  for (let done = 0; done < count; ) done += writeSync(target, chunk, done, count - done);
  return count > 0;
}

/** Runs `change`. Returns the error of a file system or user without the right to it. Throws others. */
function refusalOf(change: () => void): NodeJS.ErrnoException | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return error as NodeJS.ErrnoException;
    throw error;
  }
}

/** Returns whether a path is on a share, which a junction cannot lead to. */
function isOnShare(path: string): boolean {
  return /^[\\/]{2}/.test(path);
}

/** Makes the error for a symlink that cannot be created. A copy of its target would be another tree. */
function symlinkError(path: string, cause: NodeJS.ErrnoException): TargetTreeError {
  const advice = 'restore to a file system with symlinks, or exclude the link with a `!` line in `path`';
  return new TargetTreeError(
    `${showPath(path)} is a symlink and cannot be created here (${cause.code}); ${advice}`,
    { cause },
  );
}
