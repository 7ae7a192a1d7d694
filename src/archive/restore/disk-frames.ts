import { setTimeout } from 'node:timers/promises';
import { raceSignal } from '../../retry/signals.ts';
import type { ClaimKind, ClaimOutcome } from '../disk-cache/claims.ts';
import type { DiskCache } from '../disk-cache/disk-cache.ts';
import type { Frame } from '../format/entry.ts';
import type { Claim } from '../messages/disk-job.ts';
import type { DiskUse, UnpackResult } from '../messages/unpack-job.ts';
import { awaitAll, forEachWithin, type Limits } from '../pool/in-flight.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { type FrameRun, groupFrames } from './frame-runs.ts';
import { WaitLimit } from './wait-limit.ts';

export interface DiskOptions {
  readonly cache: DiskCache;
  /** Callback when the first requests for absent frames can be sent, and at the end. */
  readonly onBegun: () => void;
}

/** Unpacks the frames of a run. */
interface FrameUnpacker {
  /** Fetches frames from the object and unpacks them. */
  fetch(run: FrameRun, disk: DiskUse): Promise<UnpackResult>;
  /** Unpacks frames from the disk cache. */
  read(run: FrameRun, disk: DiskUse): Promise<UnpackResult>;
  /** Limits of fetches. */
  readonly limits: Limits<FrameRun>;
  readonly runner: JobRunner;
}

/** Frames by the outcomes of their claims. */
interface SortedFrames {
  /** Frames to fetch, each with its claim if it is to be stored. */
  readonly absent: ReadonlyMap<number, Claim | undefined>;
  readonly present: readonly number[];
  /** Frames that other jobs are fetching. */
  readonly others: readonly number[];
}

/** Jobs that read from the disk, for each worker: the running one and the next one. */
const DISK_JOBS_A_WORKER = 2;
/** Runs of frames that are claimed ahead of the one that is fetched. */
const RUNS_AHEAD = 2;
/** Frames of other jobs that are tried together, and the time in ms until the next attempt if none of them has changed. */
const AWAITED_FRAMES = 32;
const POLL_MS = 50;

/**
 * Unpacks the frames with the indexes `wanted` from the disk cache, and fetches only those that it does not have. Jobs that need
 * the same frames at the same time share the work: each fetches those that it could claim, and reads the others. `signal` ends
 * the waiting for the directory and for other jobs. Rejects with its reason, and as `unpacker` does.
 */
export async function unpackWithDisk(
  frames: readonly Frame[],
  wanted: readonly number[],
  unpacker: FrameUnpacker,
  options: DiskOptions,
  signal: AbortSignal,
): Promise<void> {
  await new DiskFrames(frames, unpacker, options, signal).unpack(wanted).finally(options.onBegun);
}

class DiskFrames {
  readonly #frames: readonly Frame[];
  readonly #unpacker: FrameUnpacker;
  readonly #disk: DiskOptions;
  /** Signal that also ends each wait for the directory, which may hang for seconds. */
  readonly #signal: AbortSignal;
  /** Frames whose files are missing or wrong, although they were found. */
  readonly #wrong: number[] = [];
  readonly #waitLimit = new WaitLimit();

  constructor(frames: readonly Frame[], unpacker: FrameUnpacker, disk: DiskOptions, signal: AbortSignal) {
    this.#frames = frames;
    this.#unpacker = unpacker;
    this.#disk = disk;
    this.#signal = signal;
  }

  async unpack(wanted: readonly number[]): Promise<void> {
    const found = this.#disk.cache.find(this.#keys(wanted), this.#unpacker.runner);
    const isPresent = await raceSignal(found, this.#signal);
    const present = wanted.filter((_, index) => isPresent[index]);
    const absent = wanted.filter((_, index) => !isPresent[index]);
    await awaitAll([this.#readAll(present), this.#fetchAbsent(absent)]);
    await this.#fetchAnyway(this.#wrong, 'replace');
  }

  #keys(frames: readonly number[]): readonly Frame[] {
    return frames.map(frame => this.#frames[frame]!);
  }

  #runs(frames: readonly number[]): FrameRun[] {
    if (frames.length === 0) return [];
    const wanted = new Set(frames);
    return groupFrames(this.#frames, frame => wanted.has(frame));
  }

  /** Unpacks frames from the directory. Adds each frame that the directory does not have to `#wrong`. */
  async #readAll(frames: readonly number[]): Promise<void> {
    const limits = { ...this.#unpacker.limits, limit: DISK_JOBS_A_WORKER * this.#unpacker.runner.width };
    const { directory } = this.#disk.cache;
    await forEachWithin(this.#runs(frames), limits, async run => {
      this.#signal.throwIfAborted();
      const { missing } = await this.#unpacker.read(run, { directory });
      this.#wrong.push(...missing.map(index => run.frames[index]!));
      run.frames.forEach((frame, index) => {
        if (!missing.includes(index)) this.#disk.cache.readBytes += this.#frames[frame]!.size;
      });
    });
  }

  async #fetchAbsent(frames: readonly number[]): Promise<void> {
    const { limits } = this.#unpacker;
    // Jobs that start together begin at different places
    const runs = rotate(this.#runs(frames));
    const sorted: Promise<SortedFrames>[] = [];
    const claimUntil = (count: number) => {
      for (const run of runs.slice(sorted.length, count)) sorted.push(this.#claim(run.frames, 'claim'));
    };
    claimUntil(limits.limit);
    // The caller waits for these claims, so that the first requests are sent before it makes directories
    const { onBegun } = this.#disk;
    void raceSignal(Promise.all(sorted), this.#signal).then(onBegun, onBegun);
    const others: number[] = [];
    const weigh = ([, run]: [number, FrameRun]) => limits.weigh(run);
    await forEachWithin([...runs.entries()], { ...limits, weigh }, async ([index]) => {
      claimUntil(index + 1 + RUNS_AHEAD);
      const frames = await raceSignal(sorted[index]!, this.#signal);
      others.push(...frames.others);
      await this.#use(frames);
    });
    await this.#awaitOthers(others);
  }

  /** Fetches frames, although other jobs may have claimed them. */
  async #fetchAnyway(frames: readonly number[], kind: 'force' | 'replace'): Promise<void> {
    await forEachWithin(this.#runs(frames), this.#unpacker.limits, async run =>
      this.#use(await raceSignal(this.#claim(run.frames, kind), this.#signal)),
    );
  }

  /** Claims frames, and sorts them by the outcomes. Never rejects. */
  async #claim(frames: readonly number[], kind: ClaimKind): Promise<SortedFrames> {
    const taken = await this.#disk.cache.claim(this.#keys(frames), kind);
    const having = (outcome: ClaimOutcome) => frames.filter((_, index) => taken[index] === outcome);
    const absent = new Map<number, Claim | undefined>();
    for (const [index, outcome] of taken.entries()) {
      if (typeof outcome === 'object') absent.set(frames[index]!, outcome);
      else if (outcome === 'refused') absent.set(frames[index]!, undefined);
    }
    return { absent, present: having('present'), others: having('others') };
  }

  /** Fetches the absent frames, and reads those that another job has stored meanwhile. */
  async #use({ absent, present }: SortedFrames): Promise<void> {
    for (const run of this.#runs([...absent.keys()])) await this.#fetch(run, absent);
    await this.#readAll(present);
  }

  async #fetch(run: FrameRun, absent: SortedFrames['absent']): Promise<void> {
    const claims = run.frames.map(frame => absent.get(frame));
    const ours = claims.filter(claim => claim !== undefined);
    let result: UnpackResult | undefined;
    this.#waitLimit.beginFetch(performance.now());
    try {
      result = await this.#unpacker.fetch(run, { directory: this.#disk.cache.directory, claims });
      this.#waitLimit.endFetch(run.end - run.start, performance.now());
    } finally {
      if (ours.length > 0) void this.#disk.cache.release(ours, result, this.#unpacker.runner);
    }
  }

  /** Waits for the frames that other jobs are fetching, and reads them. Fetches those that take too long. */
  async #awaitOthers(frames: readonly number[]): Promise<void> {
    let left = frames;
    while (left.length > 0) {
      this.#signal.throwIfAborted();
      const leftBytes = left.reduce((sum, frame) => sum + this.#frames[frame]!.size, 0);
      const step = this.#waitLimit.nextStep(leftBytes);
      if (step === 'fetch all') return this.#fetchAnyway(left, 'force');
      if (step === 'fetch one') {
        const [run] = this.#runs(left);
        await this.#fetchAnyway(run!.frames, 'force');
        left = left.filter(frame => !run!.frames.includes(frame));
        continue;
      }
      const awaited = left.slice(0, AWAITED_FRAMES);
      const begunMs = performance.now();
      const sorted = await raceSignal(this.#claim(awaited, 'claim'), this.#signal);
      const isChanged = sorted.others.length < awaited.length;
      if (!isChanged) await raceSignal(setTimeout(POLL_MS), this.#signal);
      this.#waitLimit.addWait(performance.now() - begunMs, isChanged);
      await this.#use(sorted);
      // The frames that were tried are tried again after all others
      left = [...left.slice(AWAITED_FRAMES), ...sorted.others];
    }
  }
}

function rotate<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
