import { Buffer } from 'node:buffer';
import { closeSync, linkSync, lstatSync, openSync, symlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StagedFileError, TargetTreeError } from '../archive-errors.ts';
import { type Entry, EntryType, inodeOf } from '../format/entry.ts';
import { creationMode, makeReadOnly, setAttributes, setLinkAttributes } from '../fs/attributes.ts';
import { linkRow } from '../fs/links/restored-links.ts';
import type { LinkType } from '../fs/links/symlinks.ts';
import type { PathLayout } from '../fs/paths/layout.ts';
import { encodeName, fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { isRefusal, type RefusedAttributes } from '../fs/refused-attributes.ts';
import { showPath, wrapStagedError } from '../fs/tree-errors.ts';
import { openToRead, readAt, writeAt } from '../fs/with-file.ts';
import { forEachInTurns, Turns } from '../turns.ts';
import { LinkTargets } from './link-targets.ts';
import { finalPathOf, leaveOut, type TargetPlan } from './plan/target-plan.ts';

const COPY_BYTES = 1024 * 1024;

/** The symlinks and hard links of a plan, which are built in staging after the files. */
export class StagedLinks {
  readonly #plan: TargetPlan;
  readonly #layout: PathLayout;
  readonly #refused: RefusedAttributes;
  readonly #signal: AbortSignal | undefined;
  readonly #targets: LinkTargets;
  /** Entries of the symlinks that this user may not create and that nothing can replace. */
  readonly #leftOut = new Set<number>();
  /** A row (`linkRow`) for each symlink that was made. */
  readonly #rows: number[] = [];

  /** Counts in `refused` the links and attributes that the system refuses. */
  constructor(plan: TargetPlan, layout: PathLayout, refused: RefusedAttributes, signal?: AbortSignal) {
    this.#plan = plan;
    this.#layout = layout;
    this.#refused = refused;
    this.#signal = signal;
    this.#targets = new LinkTargets(plan.entries, layout);
  }

  /**
   * Makes symlinks and hard links, or copies where links are refused. The linked files must exist. Returns the rows of the new
   * symlinks (`linkRow`) and the paths of the symlinks that are left out. Throws `StagedFileError`, `TargetTreeError` for a
   * symlink that the file system refuses, and the signal's reason.
   */
  async make(): Promise<{ readonly links: readonly number[]; readonly leftOut: readonly string[] }> {
    const { entries, staged } = this.#plan;
    await forEachInTurns(entries, this.#signal, (entry, index): void | Promise<void> => {
      if (entry.type !== EntryType.symlink && entry.type !== EntryType.hardLink) return;
      const path = staged.at(index);
      if (path === '') return;
      const inode = inodeOf(entry, entries);
      if (inode.type === EntryType.file) return this.#makeHardLink(path, entry.linkTo);
      if (entry === inode || !this.#joinSymlinks(path, entry.linkTo))
        return this.#makeSymlink(index, path, { ...inode, name: entry.name });
    });
    leaveOut(this.#plan, this.#leftOut);
    const leftOut = [...this.#leftOut].map(index => this.#layout.toAbsolute(entries[index]!.name));
    return { links: this.#rows, leftOut };
  }

  #makeSymlink(index: number, path: string, entry: Entry): void | Promise<void> {
    const type = thisPlatform.typesLinks ? this.#targets.typeOf(entry) : null;
    const target = entry.target.isWellFormed() ? entry.target : encodeName(entry.target);
    const refusal = this.#tryCreate(path, target, type, entry);
    if (refusal === undefined) return;
    if (type === null) throw symlinkError(finalPathOf(path, this.#plan), refusal);
    return this.#substitute(index, path, entry, type);
  }

  /**
   * Makes a junction or a copy in place of a symlink, which only some users of Windows may create. Leaves the link out if it
   * leads to neither a directory nor a file of the archive: an archive must not choose another file to be copied.
   */
  async #substitute(index: number, path: string, entry: Entry, type: LinkType): Promise<void> {
    const target = resolve(dirname(this.#layout.toAbsolute(entry.name)), entry.target);
    const file = type === 'file' ? this.#targets.fileOf(entry) : undefined;
    const mayBeJunction = type === 'dir' && !isOnShare(target);
    if (file !== undefined) await this.#copy(file, path);
    else if (!mayBeJunction || this.#tryCreate(path, target, 'junction', entry) !== undefined)
      return void this.#leftOut.add(index);
    this.#refused.counts.symlinks++;
  }

  /** Creates a symlink. Returns the error if the file system or the rights of this user refuse it. */
  #tryCreate(
    path: string,
    target: string | Buffer,
    type: LinkType | null,
    entry: Entry,
  ): NodeJS.ErrnoException | undefined {
    return wrapStagedError(path, () => {
      try {
        symlinkSync(target, fsPath(path), type);
      } catch (error) {
        if (isRefusal(error)) return error as NodeJS.ErrnoException;
        throw error;
      }
      setLinkAttributes(path, entry, this.#refused);
      this.#rows.push(...linkRow(lstatSync(fsPath(path))));
      return undefined;
    });
  }

  /** Makes a hard link to a symlink. Returns false if the system refuses it: a second symlink has the same content. */
  #joinSymlinks(path: string, linkTo: number): boolean {
    try {
      if (thisPlatform.joinsSymlinks) {
        linkSync(fsPath(this.#plan.staged.at(linkTo)), fsPath(path));
        return true;
      }
    } catch {
      // The result is false, as on a platform that does not join them
    }
    this.#refused.counts.hardLinks++;
    return false;
  }

  async #makeHardLink(path: string, linkTo: number): Promise<void> {
    const source = this.#plan.staged.at(linkTo);
    try {
      linkSync(fsPath(source), fsPath(path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      // The roots are on two file systems here, or theirs has no hard links: a copy has the same content
      if (!isRefusal(error) && code !== 'EXDEV' && code !== 'EMLINK') throw new StagedFileError(path, error);
      this.#refused.counts.hardLinks++;
      await this.#copy(linkTo, path);
    }
  }

  /** Copies a file of the archive from staging or, if it is unchanged on the disk, from its final path. */
  async #copy(file: number, path: string): Promise<void> {
    const original = this.#plan.entries[file]!;
    const source = this.#plan.staged.at(file) || this.#layout.toAbsolute(original.name);
    using from = wrapStagedError(path, () => openToRead(source));
    // Node's `copyFile` sets the mode too, and fails if the system refuses it
    const mode = creationMode(original.mode);
    const to = wrapStagedError(path, () => openSync(fsPath(path), 'wx', mode));
    try {
      const chunk = Buffer.allocUnsafe(COPY_BYTES);
      const turns = new Turns(this.#signal);
      const copyChunk = (at: number) => {
        const count = readAt(from.fd, chunk, at);
        writeAt(to, chunk.subarray(0, count), at);
        return count === COPY_BYTES;
      };
      for (let at = 0; wrapStagedError(path, () => copyChunk(at)); at += COPY_BYTES)
        if (turns.isDue()) await turns.take();
    } finally {
      closeSync(to);
    }
    wrapStagedError(path, () => {
      setAttributes(path, original, this.#refused);
      makeReadOnly(path, original.mode, this.#refused);
    });
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
