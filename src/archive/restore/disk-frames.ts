import { unlessAborted } from '../../retry/signals.ts';
import type { DiskCache } from '../disk-cache/disk-cache.ts';
import type { Frame } from '../format/entry.ts';
import { type Claim, type ClaimKind, FrameState } from '../messages/disk-request.ts';
import type { DiskUse, UnpackResult } from '../messages/unpack-job.ts';
import { allOrFirstError, forEachWithin, type Limits } from '../pool/in-flight.ts';
import { type FrameRun, groupFrames } from './frame-runs.ts';
import { WaitLimit } from './wait-limit.ts';

export interface DiskOptions {
  readonly cache: DiskCache;
  /** Called when the first requests for absent frames can be sent, or there are none. The caller may wait for it. */
  readonly onBegun: () => void;
}

/** Unpacks the frames of a run. */
interface FrameUnpacker {
  /** Fetches frames from the object and unpacks them. */
  fetch(run: FrameRun, disk: DiskUse): Promise<UnpackResult>;
  /** Unpacks frames from the disk cache. */
  read(run: FrameRun, disk: DiskUse): Promise<UnpackResult>;
  /** Those of fetches. */
  readonly limits: Limits<FrameRun>;
  readonly width: number;
}

/** Frames by what is to be done about them, after a claim. */
interface SortedFrames {
  /** Frames to fetch, and to store if they have a claim. */
  readonly fetched: readonly number[];
  readonly present: readonly number[];
  /** Frames that other jobs are fetching. */
  readonly others: readonly number[];
}

/** Jobs that read from the disk, for each worker: the running one and the next one. */
const DISK_JOBS_A_WORKER = 2;
/** Ranges that are claimed before their turn. */
const CLAIMS_AHEAD = 2;
/** Frames that one request waits for: each is tried several times a second. */
const AWAITED_FRAMES = 256;

/**
 * Unpacks the wanted frames from the disk cache, and fetches only those that it does not have. Jobs that need the same
 * frames at the same time share the work: each fetches those that it could claim, and reads the others. `signal` ends the
 * waiting for the directory and for other jobs. Rejects with its reason, and as `unpacker` does.
 */
export async function unpackWithDisk(
  frames: readonly Frame[],
  isWanted: (frame: number, start: number) => boolean,
  unpacker: FrameUnpacker,
  options: DiskOptions,
  signal: AbortSignal,
): Promise<void> {
  // `groupFrames` computes the offsets that `isWanted` takes
  const wanted = groupFrames(frames, isWanted).flatMap(run => run.frames);
  await new DiskFrames(frames, unpacker, options, signal).unpack(wanted).finally(options.onBegun);
}

class DiskFrames {
  readonly #frames: readonly Frame[];
  readonly #unpacker: FrameUnpacker;
  readonly #cache: DiskCache;
  readonly #onBegun: () => void;
  readonly #signal: AbortSignal;
  /** Frames whose files are wrong. */
  readonly #wrong: number[] = [];
  /** The last claim of this process on each frame. */
  readonly #claims = new Map<number, Claim | undefined>();
  readonly #waitLimit = new WaitLimit();

  constructor(
    frames: readonly Frame[],
    unpacker: FrameUnpacker,
    { cache, onBegun }: DiskOptions,
    signal: AbortSignal,
  ) {
    this.#frames = frames;
    this.#unpacker = unpacker;
    this.#cache = cache;
    this.#onBegun = onBegun;
    this.#signal = signal;
  }

  async unpack(wanted: readonly number[]): Promise<void> {
    const states = await this.#unlessEnded(this.#cache.find(this.#keys(wanted)));
    const present = wanted.filter((_, index) => states[index] === FrameState.present);
    const absent = wanted.filter((_, index) => states[index] !== FrameState.present);
    await allOrFirstError([this.#readAll(present), this.#fetchAbsent(absent)]);
    await this.#fetchAnyway(this.#wrong, 'replace');
  }

  #keys(frames: readonly number[]): readonly Frame[] {
    return frames.map(frame => this.#frames[frame]!);
  }

  /** A directory that hangs responds to nothing for seconds. */
  #unlessEnded<T>(response: Promise<T>): Promise<T> {
    return unlessAborted(response, this.#signal);
  }

  #runs(frames: readonly number[]): FrameRun[] {
    if (frames.length === 0) return [];
    const wanted = new Set(frames);
    return groupFrames(this.#frames, frame => wanted.has(frame));
  }

  /** Unpacks frames from the directory, and collects those that are not there after all. */
  async #readAll(frames: readonly number[]): Promise<void> {
    const limits = { ...this.#unpacker.limits, limit: DISK_JOBS_A_WORKER * this.#unpacker.width };
    const { directory } = this.#cache;
    await forEachWithin(this.#runs(frames), limits, async run => {
      this.#signal.throwIfAborted();
      const { missing } = await this.#unpacker.read(run, { directory });
      this.#wrong.push(...missing.map(index => run.frames[index]!));
      run.frames.forEach((frame, index) => {
        if (!missing.includes(index)) this.#cache.readBytes += this.#frames[frame]!.size;
      });
    });
  }

  async #fetchAbsent(frames: readonly number[]): Promise<void> {
    const { limits } = this.#unpacker;
    // Jobs that start together begin at different places
    const runs = rotate(this.#runs(frames));
    const claims: Promise<SortedFrames>[] = [];
    const claimUntil = (count: number) => {
      for (const run of runs.slice(claims.length, count)) claims.push(this.#claim(run.frames, 'claim'));
    };
    claimUntil(limits.limit);
    // Their requests are sent before this thread is busy with directories
    void Promise.all(claims).then(this.#onBegun);
    const others: number[] = [];
    const weigh = ([, run]: [number, FrameRun]) => limits.weigh(run);
    await forEachWithin([...runs.entries()], { ...limits, weigh }, async ([index]) => {
      claimUntil(index + 1 + CLAIMS_AHEAD);
      const sorted = await this.#unlessEnded(claims[index]!);
      others.push(...sorted.others);
      await this.#use(sorted);
    });
    await this.#awaitOthers(others);
  }

  /** Fetches frames whatever the claims of other jobs. */
  async #fetchAnyway(frames: readonly number[], kind: 'insist' | 'replace'): Promise<void> {
    await forEachWithin(this.#runs(frames), this.#unpacker.limits, async run =>
      this.#use(await this.#unlessEnded(this.#claim(run.frames, kind))),
    );
  }

  /** Claims frames, keeps the claims, and sorts the frames by what is to be done about them. Never rejects. */
  async #claim(frames: readonly number[], kind: ClaimKind | 'await'): Promise<SortedFrames> {
    const { states, claims } = await this.#cache.claim(this.#keys(frames), kind);
    for (const [index, frame] of frames.entries()) this.#claims.set(frame, claims[index]);
    const having = (...wanted: FrameState[]) => frames.filter((_, index) => wanted.includes(states[index]!));
    return {
      fetched: having(FrameState.ours, FrameState.refused),
      present: having(FrameState.present),
      others: having(FrameState.others),
    };
  }

  /** Fetches the frames that are to be fetched, and reads those that another job has stored meanwhile. */
  async #use({ fetched, present }: SortedFrames): Promise<void> {
    for (const run of this.#runs(fetched)) await this.#fetch(run);
    await this.#readAll(present);
  }

  async #fetch(run: FrameRun): Promise<void> {
    const claims = run.frames.map(frame => this.#claims.get(frame));
    const ours = claims.filter(claim => claim !== undefined);
    let result: UnpackResult | undefined;
    this.#waitLimit.beginFetch(performance.now());
    try {
      result = await this.#unpacker.fetch(run, { directory: this.#cache.directory, claims });
      this.#waitLimit.endFetch(run.end - run.start, performance.now());
    } finally {
      if (ours.length > 0) void this.#cache.settle(ours, result?.stored ?? 0, result?.storeProblem);
    }
  }

  /** Reads the frames that other jobs are fetching, when they are there, and fetches those that do not come. */
  async #awaitOthers(frames: readonly number[]): Promise<void> {
    let left = frames;
    while (left.length > 0) {
      this.#signal.throwIfAborted();
      const leftBytes = left.reduce((sum, frame) => sum + this.#frames[frame]!.size, 0);
      const step = this.#waitLimit.nextStep(leftBytes);
      if (step === 'fetch all') return this.#fetchAnyway(left, 'insist');
      if (step === 'fetch one') {
        const [run] = this.#runs(left);
        await this.#fetchAnyway(run!.frames, 'insist');
        left = left.filter(frame => !run!.frames.includes(frame));
        continue;
      }
      const awaited = left.slice(0, AWAITED_FRAMES);
      const begunMs = performance.now();
      const sorted = await this.#unlessEnded(this.#claim(awaited, 'await'));
      this.#waitLimit.addWait(performance.now() - begunMs, sorted.others.length < awaited.length);
      await this.#use(sorted);
      // Those that were tried last come first next time
      left = [...left.slice(AWAITED_FRAMES), ...sorted.others];
    }
  }
}

function rotate<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
