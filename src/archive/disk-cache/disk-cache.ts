import { systemClock } from '../../retry/clock.ts';
import { exposeCollector } from '../memory/heap.ts';
import {
  type Claim,
  type ClaimKind,
  type DiskAnswer,
  type DiskCacheSettings,
  type DiskMessage,
  type DiskRequest,
  encodeFrames,
  type FrameKey,
  FrameState,
} from '../messages/disk-request.ts';
import { type Thread, Threads } from '../pool/threads.ts';
import { diskProblem, storeProblem } from './problems.ts';

/** Idle timeout of the directory, in ms. It includes the start of its thread, maybe beside fifteen others. */
const IDLE_TIMEOUT_MS = 8000;
/** Time in ms in which the last check of the limit ends. */
const CLOSE_MS = 15_000;
const HURRIED_CLOSE_MS = 500;
const KEEPER_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

interface DiskCacheOptions extends DiskCacheSettings {
  /** The worker's script. */
  readonly workerUrl: URL;
  /** Logs the one line on a directory that cannot be used, or in which nothing can be stored. */
  readonly onProblem: (line: string) => void;
}

/**
 * The disk cache of one restore, on the main thread. No call rejects or takes long: without a usable directory no
 * frame is found and none can be stored.
 */
export class DiskCache {
  /** The path of the directory, without links after the first `find`. */
  directory: string;
  readonly #threads: Threads<DiskMessage>;
  readonly #keeper: Thread<DiskMessage>;
  readonly #onProblem: (line: string) => void;
  readonly #opened: Promise<void>;
  readonly #hangs = new AbortController();
  #isOff = false;
  #reported = false;
  #cancelIdleTimeout = () => {};
  /** Bytes of frames that were read from the directory. */
  readBytes = 0;

  /** Starts its thread. */
  constructor({ workerUrl, onProblem, ...settings }: DiskCacheOptions) {
    this.directory = settings.directory;
    this.#onProblem = onProblem;
    this.#threads = new Threads({
      program: workerUrl,
      settings: { diskCache: settings },
      limits: KEEPER_LIMITS,
      name: 'its thread',
      onMessage: () => this.#restartIdleTimeout(),
      onEnd: ({ message }) => this.#fail(message),
    });
    exposeCollector();
    this.#keeper = this.#threads.start();
    this.#restartIdleTimeout();
    this.#opened = this.#request({ kind: 'open' }).then(answer => {
      if (answer?.directory !== undefined) this.directory = answer.directory;
      if (answer?.problem !== undefined) this.#fail(answer.problem);
    });
  }

  /** Is aborted when the directory stops responding. The restore can be repeated without it. */
  get hangs(): AbortSignal {
    return this.#hangs.signal;
  }

  /** Returns the state of each frame: absent or present. */
  async find(frames: readonly FrameKey[]): Promise<readonly FrameState[]> {
    await this.#opened;
    const answer = await this.#request({ kind: 'find', frames: encodeFrames(frames) });
    return statesOf(answer, frames, FrameState.absent);
  }

  /** Claims frames for this process. `await` claims like `claim`, after a while or as soon as a claim of another process ends. */
  async claim(frames: readonly FrameKey[], kind: ClaimKind | 'await'): Promise<ClaimedFrames> {
    const answer = await this.#request({ kind, frames: encodeFrames(frames) });
    this.#reportStore(answer?.problem);
    return { states: statesOf(answer, frames, FrameState.refused), claims: answer?.claims ?? [] };
  }

  /** Ends these claims, after `bytes` of their frames were stored. `problem` is the code of the error for which one was not. */
  async settle(claims: readonly Claim[], bytes: number, problem: string | undefined): Promise<void> {
    this.#reportStore(problem);
    await this.#request({ kind: 'settle', claims, bytes, problem });
  }

  /** Gives up all claims, removes frames over the limit, and ends the thread. `isHurried`: a cancelled step ends soon. */
  async close(isHurried: boolean): Promise<void> {
    const answer = await this.#request({ kind: 'close' }, isHurried ? HURRIED_CLOSE_MS : CLOSE_MS);
    this.#reportStore(answer?.problem);
    this.#turnOff();
    await this.#endThread();
  }

  /** Resolves with undefined if the directory is not used any more. */
  async #request(request: DiskRequest, limitMs?: number): Promise<DiskAnswer | undefined> {
    if (this.#isOff) return undefined;
    const cancel = limitMs === undefined ? () => {} : systemClock.after(limitMs, () => this.#turnOff());
    const answered = this.#keeper.request(id => ({ id, request })) as Promise<DiskAnswer>;
    return answered.catch(() => undefined).finally(cancel);
  }

  #restartIdleTimeout(): void {
    this.#cancelIdleTimeout();
    if (this.#isOff) return;
    this.#cancelIdleTimeout = systemClock.after(IDLE_TIMEOUT_MS, () => {
      this.#fail('ETIMEDOUT');
      this.#hangs.abort(new Error('the disk cache does not respond'));
    });
  }

  /** Reports the code or message for which the directory is not used any more, and turns it off. */
  #fail(problem: string): void {
    if (this.#isOff) return;
    this.#report(diskProblem(this.directory, problem));
    this.#turnOff();
  }

  /** Answers all requests with nothing from now on. */
  #turnOff(): void {
    this.#isOff = true;
    this.#cancelIdleTimeout();
    void this.#endThread();
  }

  #endThread(): Promise<void> {
    return this.#threads.close('the disk cache is not used any more');
  }

  /** Reports the code for which nothing can be stored, if there is one. */
  #reportStore(problem: string | undefined): void {
    if (problem !== undefined) this.#report(storeProblem(this.directory, problem));
  }

  #report(line: string): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#onProblem(line);
  }
}

export interface ClaimedFrames {
  readonly states: readonly FrameState[];
  /** By frame: the claim if it is ours. */
  readonly claims: readonly (Claim | undefined)[];
}

function statesOf(
  answer: DiskAnswer | undefined,
  frames: readonly FrameKey[],
  otherwise: FrameState,
): readonly FrameState[] {
  return frames.map((_, index) => (answer?.states[index] ?? otherwise) as FrameState);
}
