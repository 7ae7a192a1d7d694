import { stat } from 'node:fs/promises';
import { systemClock } from '../../retry/clock.ts';
import { anySignal, deadline, raceSignal } from '../../retry/signals.ts';
import { fsPath } from '../fs/paths/names.ts';
import type { Claim, FrameKey } from '../messages/disk-job.ts';
import type { UnpackResult } from '../messages/unpack-job.ts';
import { countIfStuck } from '../pool/stuck-threads.ts';
import { ThreadError } from '../pool/threads.ts';
import type { JobRunner } from '../pool/worker-pool.ts';
import { type ClaimKind, type ClaimOutcome, Claims } from './claims.ts';
import { frameName } from './frame-files.ts';
import { diskProblem, problemOf, storeProblem } from './problems.ts';

/** Interval in ms in which this process touches its claims and the directory. */
const BEAT_MS = 250;
/** Time limit in ms of a call to the directory. */
const CALL_MS = 8000;
/** Time in ms that each frame adds to the limit of `find`. */
const FIND_MS = 1;
/** Time limit in ms of the last check of the directory's size. */
const LAST_CHECK_MS = 15_000;
/**
 * Bytes of stored frames between two checks of the directory's size. With the frames that are stored until a check ends, one job
 * exceeds the limit by 256 MB at most (bench/results/disk-cache-c-loopback-limit.md).
 */
const BYTES_A_CHECK = 192e6;

export interface DiskCacheOptions {
  readonly directory: string;
  /** Limit of the frames in it, in bytes. */
  readonly maxBytes: number;
  /** Logs a line about a directory that cannot be used, or in which nothing can be stored. Called once at most. */
  readonly onProblem: (line: string) => void;
}

/**
 * The disk cache of one restore, on the main thread. A directory on a dead mount hangs each thread that touches it. So this thread
 * leaves most calls to workers, and makes only asynchronous ones itself. It makes two at a time at most, because the process has
 * four threads for them.
 *
 * Calls on claims, heartbeats and `find` have time limits. A call that exceeds its limit aborts `hangs`, which also ends the jobs
 * of workers, and closes the disk cache. A closed one finds no frames, stores none, and does not touch the directory.
 */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  /** Claims on frames of the directory. Undefined until `find` has opened it. */
  #claims: Claims | undefined;
  /** End of the latest call on claims, because these calls run one after the other. Never settles if one of them hangs. */
  #turn: Promise<void> = Promise.resolve();
  readonly #heartbeat: NodeJS.Timeout;
  #beat: Promise<unknown> | undefined;
  #storedSinceCheck = 0;
  /** End of the latest check of the directory's size. */
  #checks: Promise<void> = Promise.resolve();
  readonly #hangs = new AbortController();
  /** Signal that aborts when the disk cache is closed. */
  readonly #end = new AbortController();
  #isReported = false;
  #closed: Promise<void> | undefined;
  /** Bytes of frames that were read from the directory. */
  readBytes = 0;

  /** Touches the directory from now on, to detect early that it hangs. */
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

  /**
   * Signal that aborts when the directory stops responding. Jobs that use the directory never end then. The restore can be repeated
   * without it.
   */
  get hangs(): AbortSignal {
    return this.#hangs.signal;
  }

  /** The path of the directory, without links after the first `find`. */
  get directory(): string {
    return this.#claims?.directory.path ?? this.#options.directory;
  }

  /**
   * Returns for each frame whether it exists. Returns false for all frames if the directory cannot be used. Rejects if the runner is
   * closed.
   */
  async find(frames: readonly FrameKey[], runner: JobRunner): Promise<readonly boolean[]> {
    try {
      this.#end.signal.throwIfAborted();
      const files = frames.map(frame => ({ name: frameName(frame), size: frame.size }));
      const finding = runner.run({ kind: 'find', directory: this.directory, files });
      const { directory, isPresent } = await this.#watch(finding, CALL_MS + FIND_MS * frames.length);
      this.#claims = new Claims(directory);
      return isPresent;
    } catch (error) {
      if (error instanceof ThreadError) throw error;
      if (error !== this.#end.signal.reason) this.#report(diskProblem(this.directory, problemOf(error)));
      return frames.map(() => false);
    }
  }

  /** Claims frames for this process. Never rejects. */
  async claim(frames: readonly FrameKey[], kind: ClaimKind): Promise<readonly ClaimOutcome[]> {
    const taken = await this.#callInTurn(async claims => {
      const outcomes: ClaimOutcome[] = [];
      for (const frame of frames) {
        if (this.#end.signal.aborted) break;
        outcomes.push(await claims.claim(frame, kind));
      }
      return outcomes;
    });
    return frames.map((_, index) => taken?.[index] ?? 'refused');
  }

  /** Ends claims after the job that was to store their frames. `result` is the job's, if it succeeded. Never rejects. */
  async release(ended: readonly Claim[], result: UnpackResult | undefined, runner: JobRunner): Promise<void> {
    const { stored = 0, storeProblem: problem } = result ?? {};
    this.#storedSinceCheck += stored;
    if (this.#storedSinceCheck >= BYTES_A_CHECK) this.#checkLimit(runner);
    if (problem !== undefined) {
      this.#claims?.noteProblem(problem);
      this.#report(storeProblem(this.directory, problem));
    }
    await this.#callInTurn(async claims => {
      for (const claim of ended) await claims.release(claim);
    });
  }

  /**
   * Removes frames over the limit of the directory's size, if this process has stored some. Takes 15 s at most, and ends when
   * `signal` is aborted. Never rejects.
   */
  async keepLimit(runner: JobRunner, signal: AbortSignal | undefined): Promise<void> {
    if (this.#storedSinceCheck > 0) this.#checkLimit(runner);
    const limit = deadline(LAST_CHECK_MS, systemClock);
    await raceSignal(this.#checks, anySignal(limit.signal, this.#end.signal, signal))
      .catch(() => {})
      .finally(limit.clear);
    this.#reportStore();
  }

  /** Ends all claims, and refuses others. Does not wait for a call that hangs. Never rejects. */
  close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#end.abort();
    const releaseAll = async () => {
      // Windows does not remove the file of a claim while a heartbeat has it open
      await Promise.all([this.#turn, this.#beat]);
      await this.#claims?.releaseAll();
      this.#reportStore();
    };
    this.#closed ??= countIfStuck(releaseAll());
    return this.#closed;
  }

  async #touch(): Promise<void> {
    await stat(fsPath(this.directory)).catch(() => {});
    await this.#claims?.beat();
  }

  /** Calls `action` after the earlier calls, and reports a problem that it has met. Returns its result, or undefined after `close`. */
  #callInTurn<T>(action: (claims: Claims) => Promise<T>): Promise<T | undefined> {
    const result = this.#turn.then(async () => {
      if (!this.#claims || this.#end.signal.aborted) return undefined;
      const work = action(this.#claims);
      this.#watch(work).catch(() => {});
      return work;
    });
    this.#turn = result.then(() => this.#reportStore());
    return raceSignal(result, this.#end.signal).catch(() => undefined);
  }

  /** Returns the result of `work`. Closes the disk cache if the work takes longer than `limitMs`. Rejects when it is closed. */
  #watch<T>(work: Promise<T>, limitMs = CALL_MS): Promise<T> {
    const cancel = systemClock.after(limitMs, () => {
      this.#report(diskProblem(this.directory, 'ETIMEDOUT'));
      this.#hangs.abort(new Error('the disk cache does not respond'));
      void this.close();
    });
    return raceSignal(work, this.#end.signal).finally(cancel);
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
        // Files of other users cannot always be removed: then this job stores nothing more
        if (!isKept) claims.problem ??= 'EFULL';
      })
      .catch(error => {
        if (!(error instanceof ThreadError)) claims.problem ??= problemOf(error);
      });
  }

  /** Reports the reason why nothing can be stored, if there is one. */
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
