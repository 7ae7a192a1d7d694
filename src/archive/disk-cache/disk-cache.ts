import { stat } from 'node:fs/promises';
import { systemClock } from '../../retry/clock.ts';
import { anySignal, deadline, unlessAborted } from '../../retry/signals.ts';
import { fsPath } from '../fs/paths/names.ts';
import { type Claim, encodeFindJob, type FrameKey } from '../messages/disk-job.ts';
import type { UnpackResult } from '../messages/unpack-job.ts';
import { countIfStuck } from '../pool/stuck-threads.ts';
import { ThreadError } from '../pool/threads.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { type ClaimKind, Claims, type TakenClaim } from './claims.ts';
import { frameName } from './frame-files.ts';
import { diskProblem, problemOf, storeProblem } from './problems.ts';

/** This process touches its claims and the directory this often, in ms. */
const BEAT_MS = 250;
/** Time in ms in which a call to the directory ends. */
const CALL_MS = 8000;
/** Time in ms that each frame adds to the limit of a search. */
const FIND_MS = 1;
/** Time in ms in which the last check of the limit ends. */
const LAST_CHECK_MS = 15_000;
/**
 * A job checks the limit each time that it has stored so many bytes. With frames that are being written, and those that are
 * stored during the check, it exceeds the limit by 256 MB at most (bench/results/disk-cache-c-loopback-limit.md).
 */
const BYTES_A_CHECK = 192e6;

export interface DiskCacheOptions {
  readonly directory: string;
  /** Limit of the frames in it, in bytes. */
  readonly maxBytes: number;
  /** Logs the one line on a directory that cannot be used, or in which nothing can be stored. */
  readonly onProblem: (line: string) => void;
}

/**
 * The disk cache of one restore, on the main thread. A directory on a dead mount hangs each thread that touches it. So this thread
 * makes only asynchronous calls, two at a time at most, because the process has four threads for them, and leaves the rest to workers.
 *
 * The calls on claims, the heartbeat and the search are watched: one that takes too long aborts `hangs`, which ends also the jobs
 * of workers, and nothing touches the directory any more. From then on, and after `close`, no frame is found and none can be
 * stored. Only `find` rejects, if the runner is closed.
 */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  /** Undefined until `find` has opened the directory. */
  #claims: Claims | undefined;
  /** Calls on claims, one after the other. It never settles if one of them hangs. */
  #turn: Promise<void> = Promise.resolve();
  readonly #heartbeat: NodeJS.Timeout;
  #beat: Promise<unknown> | undefined;
  #storedSinceCheck = 0;
  /** Checks of the limit, one after the other. */
  #checks: Promise<void> = Promise.resolve();
  readonly #hangs = new AbortController();
  /** Is aborted when the directory is given up: it has stopped responding, or the disk cache was closed. */
  readonly #end = new AbortController();
  #isReported = false;
  #closed: Promise<void> | undefined;
  /** Bytes of frames that were read from the directory. */
  readBytes = 0;

  /** Touches the directory from now on: one that hangs is known early. */
  constructor(options: DiskCacheOptions) {
    this.#options = options;
    const beat = () => {
      if (this.#beat) return;
      this.#beat = this.#touch().finally(() => {
        this.#beat = undefined;
      });
      this.#watch(this.#beat).catch(() => {});
    };
    this.#heartbeat = setInterval(beat, BEAT_MS).unref();
    beat();
  }

  /** Is aborted when the directory stops responding: jobs that use it never end then. The restore can be repeated without it. */
  get hangs(): AbortSignal {
    return this.#hangs.signal;
  }

  /** The path of the directory, without links after the first `find`. */
  get directory(): string {
    return this.#claims?.directory.path ?? this.#options.directory;
  }

  /** Returns whether each frame is there. None is in a directory that cannot be used. Rejects if the runner is closed. */
  async find(frames: readonly FrameKey[], runner: JobRunner): Promise<readonly boolean[]> {
    try {
      this.#end.signal.throwIfAborted();
      const files = frames.map(frame => ({ name: frameName(frame), size: frame.size }));
      const job = encodeFindJob(this.directory, files);
      const found = await this.#watch(runner.run(job), CALL_MS + FIND_MS * frames.length);
      this.#claims = new Claims(found.directory);
      return frames.map((_, index) => found.present[index] === 1);
    } catch (error) {
      if (error instanceof ThreadError) throw error;
      if (error !== this.#end.signal.reason) this.#report(diskProblem(this.directory, problemOf(error)));
      return frames.map(() => false);
    }
  }

  /** Claims frames for this process. Never rejects. */
  async claim(frames: readonly FrameKey[], kind: ClaimKind): Promise<readonly TakenClaim[]> {
    const taken = await this.#inTurn(async claims => {
      const states: TakenClaim[] = [];
      for (const frame of frames) {
        if (this.#end.signal.aborted) break;
        states.push(await claims.take(frame, kind));
      }
      return states;
    });
    return frames.map((_, index) => taken?.[index] ?? { state: 'refused' });
  }

  /** Ends these claims after the job that was to store their frames, with its result if it has succeeded. Never rejects. */
  async settle(ended: readonly Claim[], result: UnpackResult | undefined, runner: JobRunner): Promise<void> {
    const { stored = 0, storeProblem: problem } = result ?? {};
    this.#storedSinceCheck += stored;
    if (this.#storedSinceCheck >= BYTES_A_CHECK) this.#checkLimit(runner);
    if (problem !== undefined) {
      this.#claims?.noteProblem(problem);
      this.#report(storeProblem(this.directory, problem));
    }
    await this.#inTurn(async claims => {
      for (const claim of ended) await claims.settle(claim);
    });
  }

  /**
   * Removes frames over the limit, if this process has stored some. Takes 15 s at most, and ends when `signal` is aborted. Never
   * rejects.
   */
  async keepLimit(runner: JobRunner, signal: AbortSignal | undefined): Promise<void> {
    if (this.#storedSinceCheck > 0) this.#checkLimit(runner);
    const limit = deadline(LAST_CHECK_MS, systemClock);
    await unlessAborted(this.#checks, anySignal(limit.signal, this.#end.signal, signal))
      .catch(() => {})
      .finally(limit.clear);
    this.#reportStore();
  }

  /** Gives up all claims, and refuses others. A call that hangs is left behind. */
  close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#end.abort();
    const settleAll = async () => {
      // Windows removes the file of a claim only when no heartbeat has it open
      await Promise.all([this.#turn, this.#beat]);
      await this.#claims?.settleAll();
      this.#reportStore();
    };
    this.#closed ??= countIfStuck(settleAll());
    return this.#closed;
  }

  async #touch(): Promise<void> {
    await stat(fsPath(this.directory)).catch(() => {});
    await this.#claims?.beat();
  }

  /** Returns what `action` returns, and reports the problem that it has met. Returns undefined if the directory is given up. */
  #inTurn<T>(action: (claims: Claims) => Promise<T>): Promise<T | undefined> {
    const result = this.#turn.then(async () => {
      if (!this.#claims || this.#end.signal.aborted) return undefined;
      const work = action(this.#claims);
      this.#watch(work).catch(() => {});
      return work;
    });
    this.#turn = result.then(() => this.#reportStore());
    return unlessAborted(result, this.#end.signal).catch(() => undefined);
  }

  /** Returns what `work` returns. Gives the directory up if that takes longer than `limitMs`. Rejects when it is given up. */
  #watch<T>(work: Promise<T>, limitMs = CALL_MS): Promise<T> {
    const cancel = systemClock.after(limitMs, () => {
      this.#report(diskProblem(this.directory, 'ETIMEDOUT'));
      this.#hangs.abort(new Error('the disk cache does not respond'));
      void this.close();
    });
    return unlessAborted(work, this.#end.signal).finally(cancel);
  }

  #checkLimit(runner: JobRunner): void {
    this.#storedSinceCheck = 0;
    const claims = this.#claims;
    if (!claims || this.#end.signal.aborted) return;
    const { directory } = claims;
    const { maxBytes } = this.#options;
    this.#checks = this.#checks
      .then(() => runner.run({ kind: 'evict', directory, maxBytes }))
      .then(({ isKept }) => {
        // Files of other users cannot always be removed: then this job adds none
        if (!isKept) claims.stopStoring('EFULL');
      })
      .catch(error => {
        if (!(error instanceof ThreadError)) claims.stopStoring(problemOf(error));
      });
  }

  /** Reports the code for which nothing can be stored, if there is one. */
  #reportStore(): void {
    const problem = this.#claims?.problem;
    if (problem !== undefined) this.#report(storeProblem(this.directory, problem));
  }

  #report(line: string): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#options.onProblem(line);
  }
}
