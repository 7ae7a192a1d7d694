import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, lutimes, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { NEW_FILE } from '../fs/with-file.ts';
import type { Claim, FrameKey, OpenedDirectory } from '../messages/disk-job.ts';
import { claimNames, framePath, inodeText, isFrame } from './frame-files.ts';
import { problemOf } from './problems.ts';

/** A claim that has not been touched for so long, in ms, is that of a process that has ended. */
const DEAD_MS = 1000;

/** Codes of a directory in which nothing can be stored, rather than of one name in it. */
const HOPELESS = new Set([
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
 * `claim`: a frame that is absent, unless another process holds a claim. `insist`: also beside the claims of others. `replace`: also
 * a frame that is present.
 */
export type ClaimKind = 'claim' | 'insist' | 'replace';

/**
 * A frame after a claim: this process fetches and stores it (`ours`, with its claim), another one does (`others`), a file of its
 * size is there (`present`), or it cannot be stored (`refused`).
 */
export interface TakenClaim {
  readonly state: 'ours' | 'others' | 'present' | 'refused';
  readonly claim?: Claim;
}

const OTHERS: TakenClaim = { state: 'others' };
const PRESENT: TakenClaim = { state: 'present' };
const REFUSED: TakenClaim = { state: 'refused' };

/** A claim of another process, as it was first seen in this state. */
interface Observed {
  readonly state: string;
  readonly sinceMs: number;
}

/**
 * Claims on frames: a process that fetches a frame for the cache first makes its temporary file, which only one can.
 * The file's time shows that the holder runs, so a killed job leaves no lock behind. Any process may change these files,
 * so every decision may be wrong: then a frame is fetched twice. The methods of one owner are called one after the other, except `beat`.
 */
export class Claims {
  readonly directory: OpenedDirectory;
  /** Names of the claims of this process, by their inodes. */
  readonly #held = new Map<string, string>();
  readonly #observed = new Map<string, Observed>();
  #problem: string | undefined;

  constructor(directory: OpenedDirectory) {
    this.directory = directory;
    this.#problem = directory.problem;
  }

  /** Code of the reason for which nothing can be stored in the directory. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Claims a frame. One that a running process has claimed belongs to the others, unless this one insists. Never rejects. */
  async take(frame: FrameKey, kind: ClaimKind): Promise<TakenClaim> {
    const names = claimNames(frame);
    for (const [index, name] of names.entries()) {
      const taken = await this.#tryName(name, frame, kind);
      if (taken) return taken;
      if (kind !== 'claim') continue;
      if ((await this.#observe(name)) < DEAD_MS) {
        // Those after it are observed from now on too: all that are dead delay this process by one second together
        for (const later of names.slice(index + 1)) if ((await this.#observe(later)) >= DEAD_MS) break;
        return OTHERS;
      }
      // Undefined if another process was faster
      if (await this.#tryRemove(name)) return (await this.#tryName(name, frame, kind)) ?? OTHERS;
    }
    return REFUSED;
  }

  /** Claims a frame under one of its names. Returns undefined if a file has that name. */
  async #tryName(name: string, frame: FrameKey, kind: ClaimKind): Promise<TakenClaim | undefined> {
    // The holder of a claim that has ended may have stored the frame
    if (kind !== 'replace' && (await this.#hasFrame(frame))) return PRESENT;
    if (this.#problem !== undefined) return REFUSED;
    try {
      const claim = await this.#create(name);
      return claim ? { state: 'ours', claim } : REFUSED;
    } catch (error) {
      const code = problemOf(error);
      this.noteProblem(code);
      return code === 'EEXIST' ? undefined : REFUSED;
    }
  }

  async #hasFrame(frame: FrameKey): Promise<boolean> {
    const stats = await lstat(fsPath(framePath(this.directory.path, frame))).catch(() => undefined);
    return isFrame(stats, frame.size);
  }

  #path(name: string): string | Buffer {
    return fsPath(path.join(this.directory.path, name));
  }

  /** Returns undefined if there is no such file, or it cannot be read. */
  #statusOf(name: string): Promise<BigIntStats | undefined> {
    return lstat(this.#path(name), { bigint: true }).catch(() => undefined);
  }

  /** Removes a file. Returns whether none has this name any more. Windows does not remove one that is open. */
  async #tryRemove(name: string): Promise<boolean> {
    return unlink(this.#path(name)).then(
      () => true,
      error => problemOf(error) === 'ENOENT',
    );
  }

  /** Stores nothing from now on if the code of an error shows that no other frame can be stored either. */
  noteProblem(code: string): void {
    if (HOPELESS.has(code)) this.stopStoring(code);
  }

  /** Stores nothing from now on, for the reason of this code. The first reason remains. */
  stopStoring(code: string): void {
    this.#problem ??= code;
  }

  /** Returns the new claim. Returns undefined if it is not a file with one name. Rejects with the system's errors. */
  async #create(name: string): Promise<Claim | undefined> {
    const file = await open(this.#path(name), NEW_FILE | thisPlatform.openFlags, this.directory.mode);
    let inode: string | undefined;
    try {
      inode = await this.#finish(file);
    } finally {
      // Other processes would wait for a claim that has no holder
      if (inode === undefined) await this.#tryRemove(name);
    }
    if (inode === undefined) return undefined;
    this.#held.set(inode, name);
    this.#observed.delete(name);
    return { name, inode };
  }

  async #finish(file: FileHandle): Promise<string | undefined> {
    try {
      // The umask of the process may have taken bits. A file system that sets no mode (exFAT, 9p) gives the frames its own
      if (thisPlatform.hasModes) await file.chmod(this.directory.mode).catch(() => {});
      return inodeText(await file.stat({ bigint: true }));
    } finally {
      await file.close();
    }
  }

  /** Notes the state of the claim of this name. Returns the ms since it was first observed in this state; Infinity without a claim. */
  async #observe(name: string): Promise<number> {
    const stats = await this.#statusOf(name);
    // The holder has just stored the frame or given the claim up
    if (!stats) return Number.POSITIVE_INFINITY;
    const state = `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
    const now = performance.now();
    const known = this.#observed.get(name);
    if (known?.state === state) return now - known.sinceMs;
    this.#observed.set(name, { state, sinceMs: now });
    return 0;
  }

  /** Shows other processes that this one runs. Never rejects. */
  async beat(): Promise<void> {
    const now = Date.now() / 1000;
    for (const name of [...this.#held.values()]) await lutimes(this.#path(name), now, now).catch(() => {});
  }

  /** Ends a claim on a frame that is stored, or that will not be. Never rejects. */
  async settle({ name, inode }: Claim): Promise<void> {
    this.#held.delete(inode);
    // After the rename the name is free, or a claim of another process
    if (inodeText(await this.#statusOf(name)) !== inode) return;
    await unlink(this.#path(name)).catch(error => {
      const code = problemOf(error);
      // Where files cannot be removed (an append-only directory), each restore would leave some
      if (code !== 'ENOENT' && !thisPlatform.inUseCodes.has(code)) this.noteProblem(code);
    });
  }

  async settleAll(): Promise<void> {
    for (const [inode, name] of [...this.#held]) await this.settle({ name, inode });
  }
}
