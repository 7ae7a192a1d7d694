import { closeSync, constants, fchmodSync, lutimesSync, openSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { thisPlatform } from '../fs/platform.ts';
import { type Claim, type ClaimKind, type FrameKey, FrameState } from '../messages/disk-request.ts';
import { claimNames, hasFrame, inodeText, statusOf, tryUnlink } from './frame-files.ts';
import { problemOf } from './problems.ts';

/** The holder of a claim touches it this often, in ms. */
export const BEAT_MS = 250;
/** A claim that has not been touched for so long, in ms, is that of a process that has ended. */
const DEAD_MS = 1000;

const NEW_CLAIM = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | thisPlatform.openFlags;
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

/** The state of a frame after a claim on it, with the claim if it is `ours`. */
export interface TakenClaim {
  readonly state: FrameState;
  readonly claim?: Claim;
}

/** A claim of another process, as it was first seen in this state. */
interface Observed {
  readonly state: string;
  readonly sinceMs: number;
}

/**
 * Claims on frames: a process that fetches a frame for the cache first makes its temporary file, which only one can.
 * The file's time shows that the holder runs, so a killed job leaves no lock behind. Any process may change these files,
 * so every decision may be wrong: then a frame is fetched twice.
 */
export class Claims {
  readonly #directory: string;
  readonly #mode: number;
  /** Names of the claims of this process, by their inodes. */
  readonly #held = new Map<string, string>();
  readonly #observed = new Map<string, Observed>();
  /** Code of the error for which nothing can be stored in the directory. */
  problem: string | undefined;

  /** `mode` is that of the files. */
  constructor(directory: string, mode: number) {
    this.#directory = directory;
    this.#mode = mode;
  }

  /** Claims a frame. One that a running process has claimed belongs to the others, unless this one insists. */
  take(frame: FrameKey, kind: ClaimKind): TakenClaim {
    const names = claimNames(frame);
    for (const [index, name] of names.entries()) {
      const taken = this.#tryName(name, frame, kind);
      if (taken) return taken;
      if (kind !== 'claim') continue;
      if (this.#observe(name) < DEAD_MS) {
        // Those after it are observed from now on too: all that are dead delay this process by one second together
        for (const later of names.slice(index + 1)) if (this.#observe(later) >= DEAD_MS) break;
        return { state: FrameState.others };
      }
      // Undefined if another process was faster
      if (tryUnlink(this.#path(name)))
        return this.#tryName(name, frame, kind) ?? { state: FrameState.others };
    }
    return { state: FrameState.refused };
  }

  /** Claims a frame under one of its names. Returns undefined if a file has that name. */
  #tryName(name: string, frame: FrameKey, kind: ClaimKind): TakenClaim | undefined {
    // The holder of a claim that has ended may have stored the frame
    if (kind !== 'replace' && hasFrame(this.#directory, frame)) return { state: FrameState.present };
    if (this.problem !== undefined) return { state: FrameState.refused };
    try {
      const claim = this.#create(name);
      return claim ? { state: FrameState.ours, claim } : { state: FrameState.refused };
    } catch (error) {
      const code = problemOf(error);
      this.noteProblem(code);
      return code === 'EEXIST' ? undefined : { state: FrameState.refused };
    }
  }

  #path(name: string): string {
    return path.join(this.#directory, name);
  }

  /** Notes the code of an error, if no other frame can be stored either. */
  noteProblem(code: string): void {
    if (HOPELESS.has(code)) this.problem ??= code;
  }

  /** Returns the new claim. Returns undefined if it is not a file with one name. Throws the system's errors. */
  #create(name: string): Claim | undefined {
    const file = this.#path(name);
    const fd = openSync(file, NEW_CLAIM, this.#mode);
    let inode: string | undefined;
    try {
      inode = this.#finish(fd);
    } finally {
      // Other processes would wait for a claim that has no holder
      if (inode === undefined) tryUnlink(file);
    }
    if (inode === undefined) return undefined;
    this.#held.set(inode, name);
    this.#observed.delete(name);
    return { name, inode };
  }

  #finish(fd: number): string | undefined {
    try {
      // The umask of the process may have taken bits. A file system that sets no mode (exFAT, 9p) gives the frames its own
      if (thisPlatform.hasModes) ignoreErrors(() => fchmodSync(fd, this.#mode));
      return inodeText(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Notes the state of the claim of this name. Returns the ms since it was first observed in this state; Infinity without a claim. */
  #observe(name: string): number {
    const stats = statusOf(this.#path(name));
    // The holder has just stored the frame or given the claim up
    if (!stats) return Number.POSITIVE_INFINITY;
    const state = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
    const now = performance.now();
    const known = this.#observed.get(name);
    if (known?.state === state) return now - known.sinceMs;
    this.#observed.set(name, { state, sinceMs: now });
    return 0;
  }

  /** Shows other processes that this one runs. */
  beat(): void {
    const now = Date.now() / 1000;
    for (const name of this.#held.values()) ignoreErrors(() => lutimesSync(this.#path(name), now, now));
  }

  /** Ends a claim on a frame that is stored, or that will not be. */
  settle({ name, inode }: Claim): void {
    this.#held.delete(inode);
    const file = this.#path(name);
    try {
      // After the rename the name is free, or a claim of another process
      if (inode === inodeText(file)) unlinkSync(file);
    } catch (error) {
      const code = problemOf(error);
      // Where files cannot be removed (an append-only directory), each restore would leave some
      if (!thisPlatform.inUseCodes.has(code)) this.noteProblem(code);
    }
  }

  settleAll(): void {
    for (const [inode, name] of [...this.#held]) this.settle({ name, inode });
  }
}
