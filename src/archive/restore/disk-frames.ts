import { unlessAborted } from '../../retry/signals.ts';
import type { ClaimedFrames, DiskCache } from '../disk-cache/disk-cache.ts';
import type { Frame } from '../format/entry.ts';
import { FrameState } from '../messages/disk-request.ts';
import type { DiskUse, UnpackResult } from '../messages/unpack-job.ts';
import { allOrFirstError, forEachWithin, type Limits } from '../pool/in-flight.ts';
import { type FrameRun, groupFrames } from './frame-runs.ts';
import { WaitLimit } from './wait-limit.ts';

export interface DiskOptions {
  readonly cache: DiskCache;
  /** Called when the first requests for absent frames can be sent, or there are none. The caller may wait for it. */
  readonly onBegun: () => void;
  /** Ends the waiting for the directory and for other jobs. */
  readonly signal: AbortSignal | undefined;
}

interface FrameWork {
  /** Fetches frames from the object and unpacks them. */
  fetch(run: FrameRun, disk?: DiskUse): Promise<UnpackResult>;
  /** Unpacks frames from the disk cache. */
  read(run: FrameRun, disk: DiskUse): Promise<UnpackResult>;
  /** Those of fetches. */
  readonly limits: Limits<FrameRun>;
  readonly width: number;
}

/** Jobs that read from the disk, for each worker: the running one and the next one. */
const DISK_JOBS_A_WORKER = 2;
/** Ranges that are claimed before their turn. */
const CLAIMS_AHEAD = 2;
/** Frames that one request waits for: each is tried several times a second. */
const AWAITED_FRAMES = 256;

/**
 * Unpacks the wanted frames from the disk cache, and fetches only those that it does not have. Jobs that need the same
 * frames at the same time share the work: each fetches those that it could claim, and reads the others.
 * Rejects as `work` does.
 */
export async function unpackWithDisk(
  frames: readonly Frame[],
  isWanted: (frame: number, start: number) => boolean,
  work: FrameWork,
  options: DiskOptions,
): Promise<void> {
  const wanted = groupFrames(frames, isWanted).flatMap(run => run.frames);
  await new DiskFrames(frames, work, options).unpack(wanted).finally(options.onBegun);
}

class DiskFrames {
  readonly #frames: readonly Frame[];
  readonly #work: FrameWork;
  readonly #cache: DiskCache;
  readonly #onBegun: () => void;
  readonly #signal: AbortSignal | undefined;
  /** Frames whose files are wrong. */
  readonly #wrong: number[] = [];
  readonly #waitLimit = new WaitLimit();

  constructor(frames: readonly Frame[], work: FrameWork, { cache, onBegun, signal }: DiskOptions) {
    this.#frames = frames;
    this.#work = work;
    this.#cache = cache;
    this.#onBegun = onBegun;
    this.#signal = signal;
  }

  async unpack(wanted: readonly number[]): Promise<void> {
    const states = await this.#unlessEnded(this.#cache.find(this.#keys(wanted)));
    const present = wanted.filter((_, index) => states[index] === FrameState.present);
    const absent = wanted.filter((_, index) => states[index] !== FrameState.present);
    if (absent.length === 0) this.#onBegun();
    await allOrFirstError([this.#readAll(present), this.#fetchAll(absent)]);
    await this.#replaceWrong();
  }

  #keys(frames: readonly number[]): readonly Frame[] {
    return frames.map(frame => this.#frames[frame]!);
  }

  /** A directory that hangs responds to nothing for seconds. */
  #unlessEnded<T>(response: Promise<T>): Promise<T> {
    return unlessAborted(response, this.#signal);
  }

  #runs(frames: readonly number[]): FrameRun[] {
    const wanted = new Set(frames);
    return groupFrames(this.#frames, frame => wanted.has(frame));
  }

  /** Unpacks frames from the directory, and collects those that are not there after all. */
  async #readAll(frames: readonly number[]): Promise<void> {
    const limits = { ...this.#work.limits, limit: DISK_JOBS_A_WORKER * this.#work.width };
    const { directory } = this.#cache;
    await forEachWithin(this.#runs(frames), limits, async run => {
      this.#signal?.throwIfAborted();
      const { missing } = await this.#work.read(run, { directory });
      this.#wrong.push(...missing.map(index => run.frames[index]!));
      run.frames.forEach((frame, index) => {
        if (!missing.includes(index)) this.#cache.readBytes += this.#frames[frame]!.size;
      });
    });
  }

  async #fetchAll(frames: readonly number[]): Promise<void> {
    const others: number[] = [];
    // Jobs that start together begin at different places
    const claimed = this.#claimAhead(rotate(this.#runs(frames)));
    const limits = { ...this.#work.limits, weigh: ({ run }: ClaimedRun) => this.#work.limits.weigh(run) };
    await forEachWithin(claimed, limits, async ({ run, claim }) => {
      const parts = byState(run.frames, await this.#unlessEnded(claim()));
      others.push(...parts.others);
      await this.#use(parts);
    });
    await this.#awaitOthers(others);
  }

  /**
   * Claims the runs in their order, each with some of those after it: no request waits for a claim then. The first ones are
   * claimed together, so that their requests are sent before this thread is busy with directories.
   */
  #claimAhead(runs: readonly FrameRun[]): readonly ClaimedRun[] {
    const { limit } = this.#work.limits;
    const first = runs.slice(0, limit);
    const together = this.#cache.claim(this.#keys(first.flatMap(run => run.frames)), 'claim');
    void together.then(this.#onBegun);
    let start = 0;
    const claims = first.map(({ frames }): Promise<ClaimedFrames> => {
      const [from, to] = [start, start + frames.length];
      start = to;
      return together.then(({ states, inodes }) => ({
        states: states.slice(from, to),
        inodes: inodes.slice(from, to),
      }));
    });
    const claimUntil = (count: number) => {
      for (const { frames } of runs.slice(claims.length, count))
        claims.push(this.#cache.claim(this.#keys(frames), 'claim'));
    };
    return runs.map((run, index) => ({
      run,
      claim: () => {
        claimUntil(index + 1 + CLAIMS_AHEAD);
        return claims[index]!;
      },
    }));
  }

  /** Fetches the frames that are to be fetched, and reads those that another job has stored meanwhile. */
  async #use({ fetched, present }: FramesByState): Promise<void> {
    const claims = new Map(fetched.map(({ frame, inode }) => [frame, inode]));
    for (const run of this.#runs([...claims.keys()])) await this.#fetch(run, claims);
    if (present.length > 0) await this.#readAll(present);
  }

  async #fetch(run: FrameRun, claims: ReadonlyMap<number, string | undefined>): Promise<void> {
    const inodes = run.frames.map(frame => claims.get(frame));
    const ours = this.#keys(run.frames.filter((_, index) => inodes[index] !== undefined));
    this.#waitLimit.beginFetch(performance.now());
    try {
      const use = { directory: this.#cache.directory, claims: inodes };
      const { stored, storeProblem } = await this.#work.fetch(run, use);
      this.#waitLimit.endFetch(run.end - run.start, performance.now());
      if (ours.length > 0) void this.#cache.settle(ours, stored, storeProblem);
    } catch (error) {
      if (ours.length > 0) void this.#cache.settle(ours, 0, undefined);
      throw error;
    }
  }

  /** Reads the frames that other jobs are fetching, when they are there, and fetches those that do not come. */
  async #awaitOthers(frames: readonly number[]): Promise<void> {
    let left = frames;
    while (left.length > 0) {
      this.#signal?.throwIfAborted();
      const leftBytes = left.reduce((sum, frame) => sum + this.#frames[frame]!.size, 0);
      const step = this.#waitLimit.nextStep(leftBytes);
      if (step === 'fetch all') return this.#fetchUnclaimed(this.#runs(left));
      if (step === 'fetch one') {
        const [run] = this.#runs(left);
        await this.#fetchUnclaimed([run!]);
        left = left.filter(frame => !run!.frames.includes(frame));
        continue;
      }
      const awaited = left.slice(0, AWAITED_FRAMES);
      const begunMs = performance.now();
      const parts = byState(
        awaited,
        await this.#unlessEnded(this.#cache.claim(this.#keys(awaited), 'await')),
      );
      this.#waitLimit.addWait(performance.now() - begunMs, parts.others.length < awaited.length);
      await this.#use(parts);
      // Those that were tried last come first next time
      left = [...left.slice(AWAITED_FRAMES), ...parts.others];
    }
  }

  #fetchUnclaimed(runs: readonly FrameRun[]): Promise<void> {
    return forEachWithin(runs, this.#work.limits, run => this.#fetch(run, new Map()));
  }

  async #replaceWrong(): Promise<void> {
    await forEachWithin(this.#runs(this.#wrong), this.#work.limits, async run => {
      const { inodes } = await this.#unlessEnded(this.#cache.claim(this.#keys(run.frames), 'replace'));
      await this.#fetch(run, new Map(run.frames.map((frame, index) => [frame, inodes[index]])));
    });
  }
}

interface ClaimedRun {
  readonly run: FrameRun;
  /** Claims its frames, unless that has been done ahead. */
  claim(): Promise<ClaimedFrames>;
}

interface FramesByState {
  /** Frames to fetch, with the inode of the claim, or undefined if they are not stored. */
  readonly fetched: readonly { readonly frame: number; readonly inode: string | undefined }[];
  readonly present: readonly number[];
  readonly others: readonly number[];
}

function byState(frames: readonly number[], { states, inodes }: ClaimedFrames): FramesByState {
  const having = (wanted: FrameState) => frames.filter((_, index) => states[index] === wanted);
  const fetched = frames.flatMap((frame, index) => {
    const isFetched = states[index] === FrameState.ours || states[index] === FrameState.refused;
    return isFetched ? [{ frame, inode: inodes[index] }] : [];
  });
  return { fetched, present: having(FrameState.present), others: having(FrameState.others) };
}

function rotate<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
