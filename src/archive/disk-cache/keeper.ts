import { accessSync, closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { realPathOf } from '../fs/file-status.ts';
import { ignoreErrors } from '../fs/ignore-errors.ts';
import { thisPlatform, thisUser } from '../fs/platform.ts';
import {
  type ClaimKind,
  type DiskAnswer,
  type DiskCacheSettings,
  type DiskMessage,
  type DiskRequest,
  decodeFrames,
  type FrameKey,
  FrameState,
} from '../messages/disk-request.ts';
import type { Report } from '../messages/report.ts';
import { BEAT_MS, Claims, type TakenClaim } from './claims.ts';
import { evict } from './eviction.ts';
import { hasFrame } from './frame-files.ts';
import { problemOf } from './problems.ts';
import { isRootOwned } from './root-owned.ts';

/**
 * A job checks the limit each time that it has stored so many bytes. With frames that are being written, and those that are
 * stored during the check, it exceeds the limit by 256 MB at most (bench/results/disk-cache-c-loopback-limit.md).
 */
const BYTES_A_CHECK = 192e6;
/** The main thread gets a heartbeat this often, in ms. */
const HEARTBEAT_MS = 1000;
const POLL_MS = 50;
/** Frames that are searched for between two turns of the event loop. */
const FRAMES_A_TURN = 1000;
/** An `await` is answered after this many ms, changed or not. */
const AWAIT_MS = 500;

/**
 * Serves the main thread at the other end of `port`: all access to the directory, except reads and writes of the
 * frames' bytes, is in this thread, because a directory on a dead mount hangs the thread that touches it.
 */
export function serveDiskCache(port: MessagePort, settings: DiskCacheSettings): void {
  const keeper = new Keeper(settings);
  port.on('message', async ({ id, request }: DiskMessage) => {
    const answer = await keeper.answer(request);
    port.postMessage({ id, end: { answer } } satisfies Report<DiskAnswer>);
  });
  const heartbeat = setInterval(() => {
    ignoreErrors(() => statSync(settings.directory));
    port.postMessage({});
  }, HEARTBEAT_MS);
  heartbeat.unref();
}

type SettleRequest = Extract<DiskRequest, { kind: 'settle' }>;

const REFUSED: TakenClaim = { state: FrameState.refused };
const NOTHING: DiskAnswer = { states: new Uint8Array(0), claims: [] };

class Keeper {
  #settings: DiskCacheSettings;
  #claims: Claims | undefined;
  /** The open directory, for eviction. */
  #fd: number | undefined;
  #storedSinceCheck = 0;
  /** Checks of the limit, one after the other. */
  #checks: Promise<void> = Promise.resolve();

  constructor(settings: DiskCacheSettings) {
    this.#settings = settings;
  }

  async answer(request: DiskRequest): Promise<DiskAnswer> {
    switch (request.kind) {
      case 'open':
        return this.#open();
      case 'find':
        return this.#find(decodeFrames(request.frames));
      case 'claim':
      case 'insist':
      case 'replace':
        return this.#claim(decodeFrames(request.frames), request.kind);
      case 'await':
        return this.#await(decodeFrames(request.frames));
      case 'settle':
        return this.#settle(request);
      case 'close':
        return this.#close();
    }
  }

  #open(): DiskAnswer {
    try {
      const given = this.#settings.directory;
      // Another user could lead root to other files while root writes. Before the links are resolved, which are safe from then on
      const isSafe = thisUser.uid !== 0 || isRootOwned(given);
      // Without links, so that none of them can be changed meanwhile
      const directory = realPathOf(given);
      const stats = statSync(directory);
      if (!stats.isDirectory()) return { ...NOTHING, problem: 'ENOTDIR' };
      accessSync(directory, constants.X_OK);
      this.#settings = { ...this.#settings, directory };
      this.#claims = new Claims(directory, modeOfFrames(stats));
      if (!isSafe) this.#claims.problem = 'EOWNER';
      this.#openForEviction(this.#claims, directory);
      setInterval(() => this.#claims?.beat(), BEAT_MS).unref();
      return { ...NOTHING, directory };
    } catch (error) {
      return { ...NOTHING, problem: problemOf(error) };
    }
  }

  /** A user that may not list the directory cannot keep its limit, and stores nothing. */
  #openForEviction(claims: Claims, directory: string): void {
    // Windows opens no directories
    if (constants.O_DIRECTORY === undefined) return;
    try {
      this.#fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      const code = problemOf(error);
      claims.problem ??= code === 'EACCES' ? 'ELIST' : code;
    }
  }

  async #find(frames: readonly FrameKey[]): Promise<DiskAnswer> {
    const states = new Uint8Array(frames.length);
    for (const [index, frame] of frames.entries()) {
      // A heartbeat is sent meanwhile
      if (index % FRAMES_A_TURN === FRAMES_A_TURN - 1) await setImmediate();
      if (hasFrame(this.#settings.directory, frame)) states[index] = FrameState.present;
    }
    return { states, claims: [] };
  }

  #claim(frames: readonly FrameKey[], kind: ClaimKind): DiskAnswer {
    const taken = frames.map((frame): TakenClaim => this.#claims?.take(frame, kind) ?? REFUSED);
    return {
      states: Uint8Array.from(taken, ({ state }) => state),
      claims: taken.map(({ claim }) => claim),
      problem: this.#claims?.problem,
    };
  }

  async #await(frames: readonly FrameKey[]): Promise<DiskAnswer> {
    const end = performance.now() + AWAIT_MS;
    for (;;) {
      const answer = this.#claim(frames, 'claim');
      const isChanged = answer.states.some(state => state !== FrameState.others);
      if (isChanged || performance.now() >= end) return answer;
      await new Promise(resolve => setTimeout(resolve, POLL_MS));
    }
  }

  #settle({ claims, bytes, problem }: SettleRequest): DiskAnswer {
    for (const claim of claims) this.#claims?.settle(claim);
    if (problem !== undefined) this.#claims?.noteProblem(problem);
    this.#storedSinceCheck += bytes;
    if (this.#storedSinceCheck >= BYTES_A_CHECK) {
      this.#storedSinceCheck = 0;
      this.#checks = this.#checks.then(() => this.#checkLimit());
    }
    return NOTHING;
  }

  async #checkLimit(): Promise<void> {
    const claims = this.#claims;
    if (!claims) return;
    try {
      // Files of other users cannot always be removed: then this job adds none
      const directory = pathOfOpened(this.#fd, this.#settings.directory);
      if (!(await evict({ ...this.#settings, directory }))) claims.problem ??= 'EFULL';
    } catch (error) {
      claims.problem ??= problemOf(error);
    }
  }

  async #close(): Promise<DiskAnswer> {
    this.#claims?.settleAll();
    await this.#checks;
    if (this.#storedSinceCheck > 0) await this.#checkLimit();
    const problem = this.#claims?.problem;
    this.#claims = undefined;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    return { ...NOTHING, problem };
  }
}

/** Returns the mode of frames: a user that may read the directory may read them. */
function modeOfFrames({ mode }: Stats): number {
  return thisPlatform.hasModes ? 0o600 | (mode & 0o044) : 0o600;
}

/**
 * Returns a path to the directory that was opened. Its owner may have put a link in its place, which would lead eviction to files that
 * are not frames. Throws the system's errors, and ENOENT if no path is known any more.
 */
function pathOfOpened(fd: number | undefined, directory: string): string {
  if (fd === undefined) return directory;
  const { openFiles, filesByInode } = thisPlatform;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  // Some containers have no /proc, and some file systems of macOS no paths by inode
  const paths = [
    openFiles && `${openFiles}/${fd}`,
    filesByInode && `${filesByInode}/${dev}/${ino}`,
    directory,
  ];
  const found = paths.find(path => {
    const stats = path && statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && stats.dev === dev && stats.ino === ino;
  });
  if (found === undefined) throw Object.assign(new Error('the directory was replaced'), { code: 'ENOENT' });
  return found;
}
