import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, lutimes, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { NEW_FILE } from '../fs/with-file.ts';
import type { Claim, FrameKey, OpenedDirectory } from '../messages/disk-job.ts';
import { claimNames, framePath, inodeText, isFrame } from './frame-files.ts';
import { problemOf } from './problems.ts';

/** Time in ms without a touch after which the process of a claim counts as ended. */
const DEAD_MS = 1000;

/** Codes of errors that concern the whole directory: nothing can be stored in it. */
const DIRECTORY_CODES = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOENT',
  'ENOTDIR',
  'EMFILE',
  'ENFILE',
]);

/**
 * Kind of a claim, by the frames that it may be on. `claim`: absent frames that no other running process has claimed. `force`: all
 * absent frames. `replace`: all frames.
 */
export type ClaimKind = 'claim' | 'force' | 'replace';

/**
 * Outcome of a claim on a frame: the claim, if this process fetches and stores the frame. `others`: another process does. `present`:
 * a file of its size is there. `refused`: it cannot be stored.
 */
export type ClaimOutcome = Claim | 'others' | 'present' | 'refused';

/** The state of another process's claim, and the time when it was first observed. */
interface Observation {
  readonly state: string;
  readonly sinceMs: number;
}

/**
 * Claims of this process on frames. A process that fetches a frame for the cache first makes the frame's temporary file, which
 * only one process can. The process touches the file while it runs, so a killed job leaves no lock behind. Any process may change
 * these files, so every decision may be wrong: then a frame is fetched twice. Call the methods one after the other, except `beat`.
 */
export class Claims {
  readonly directory: OpenedDirectory;
  /** Names of the claims of this process, by their inodes. */
  readonly #held = new Map<string, string>();
  /** Claims of other processes, by their names. */
  readonly #observed = new Map<string, Observation>();
  /** Code of the first reason why nothing can be stored in the directory. Undefined if there is none. */
  problem: string | undefined;

  constructor(directory: OpenedDirectory) {
    this.directory = directory;
    this.problem = directory.problem;
  }

  /** Claims a frame. Never rejects. */
  async claim(frame: FrameKey, kind: ClaimKind): Promise<ClaimOutcome> {
    const names = claimNames(frame);
    for (const [index, name] of names.entries()) {
      const outcome = await this.#tryName(name, frame, kind);
      if (outcome) return outcome;
      if (kind !== 'claim') continue;
      if ((await this.#observe(name)) < DEAD_MS) {
        // Begins to observe the claims after it too, so that several dead ones delay this process by one second in all
        for (const later of names.slice(index + 1)) if ((await this.#observe(later)) >= DEAD_MS) break;
        return 'others';
      }
      // The result is undefined if another process was faster
      if (await this.#tryRemove(name)) return (await this.#tryName(name, frame, kind)) ?? 'others';
    }
    return 'refused';
  }

  /** Claims a frame under one of its names. Returns undefined if a file has that name. */
  async #tryName(name: string, frame: FrameKey, kind: ClaimKind): Promise<ClaimOutcome | undefined> {
    // The process that has ended its claim may have stored the frame
    if (kind !== 'replace' && (await this.#hasFrame(frame))) return 'present';
    if (this.problem !== undefined) return 'refused';
    try {
      return (await this.#create(name)) ?? 'refused';
    } catch (error) {
      const code = problemOf(error);
      this.noteProblem(code);
      return code === 'EEXIST' ? undefined : 'refused';
    }
  }

  async #hasFrame(frame: FrameKey): Promise<boolean> {
    const stats = await lstat(fsPath(framePath(this.directory.path, frame))).catch(() => undefined);
    return isFrame(stats, frame.size);
  }

  #path(name: string): string | Buffer {
    return fsPath(path.join(this.directory.path, name));
  }

  /** Returns the status of a file. Returns undefined if it does not exist or cannot be read. */
  #statusOf(name: string): Promise<BigIntStats | undefined> {
    return lstat(this.#path(name), { bigint: true }).catch(() => undefined);
  }

  /** Removes a file. Returns whether the name is free then: Windows does not remove a file that is open. */
  async #tryRemove(name: string): Promise<boolean> {
    return unlink(this.#path(name)).then(
      () => true,
      error => problemOf(error) === 'ENOENT',
    );
  }

  /** Stops storing if the code of an error concerns the whole directory. */
  noteProblem(code: string): void {
    if (DIRECTORY_CODES.has(code)) this.problem ??= code;
  }

  /** Makes the file of a claim. Returns undefined if it is then not a file with one name. Rejects with the system's errors. */
  async #create(name: string): Promise<Claim | undefined> {
    const file = await open(this.#path(name), NEW_FILE | thisPlatform.openFlags, this.directory.mode);
    let inode: string | undefined;
    try {
      inode = await this.#finish(file);
    } finally {
      // Otherwise other processes would wait for a claim that nothing touches
      if (inode === undefined) await this.#tryRemove(name);
    }
    if (inode === undefined) return undefined;
    this.#held.set(inode, name);
    this.#observed.delete(name);
    return { name, inode };
  }

  /** Sets the mode of a new file and closes it. Returns its `inodeText`. */
  async #finish(file: FileHandle): Promise<string | undefined> {
    try {
      // The umask may have removed bits. A file system without modes (exFAT, 9p) gives all files the mode of its mount
      if (thisPlatform.hasModes) await file.chmod(this.directory.mode).catch(() => {});
      return inodeText(await file.stat({ bigint: true }));
    } finally {
      await file.close();
    }
  }

  /** Notes the state of a claim. Returns the ms since it was first observed in this state. Returns Infinity if there is no claim. */
  async #observe(name: string): Promise<number> {
    const stats = await this.#statusOf(name);
    // The other process has just stored the frame or ended the claim
    if (!stats) return Number.POSITIVE_INFINITY;
    const state = `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
    const now = performance.now();
    const known = this.#observed.get(name);
    if (known?.state === state) return now - known.sinceMs;
    this.#observed.set(name, { state, sinceMs: now });
    return 0;
  }

  /** Touches the claims of this process, to show the others that it runs. Never rejects. */
  async beat(): Promise<void> {
    const now = Date.now() / 1000;
    for (const name of [...this.#held.values()]) await lutimes(this.#path(name), now, now).catch(() => {});
  }

  /** Ends a claim on a frame that is stored, or that will not be. Never rejects. */
  async release({ name, inode }: Claim): Promise<void> {
    this.#held.delete(inode);
    // Storing has renamed the file. The name is free then, or another process has claimed it
    if (inodeText(await this.#statusOf(name)) !== inode) return;
    await unlink(this.#path(name)).catch(error => {
      const code = problemOf(error);
      // Each restore would leave files where none can be removed, as in an append-only directory
      if (code !== 'ENOENT' && !thisPlatform.inUseCodes.has(code)) this.noteProblem(code);
    });
  }

  /** Ends all claims of this process. Never rejects. */
  async releaseAll(): Promise<void> {
    for (const [inode, name] of [...this.#held]) await this.release({ name, inode });
  }
}
