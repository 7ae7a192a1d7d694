import type { Log } from '../report/log.ts';
import type {
  CacheMatch,
  LookupRequest,
  RestoreOutcome,
  RestoreRequest,
  SaveOutcome,
  SaveRequest,
  StorageBackend,
} from './backend.ts';
import { NameTooLongError, StoreRefusedError, StoreUnavailableError } from './store-errors.ts';

export interface FallbackOptions {
  readonly primary: StorageBackend;
  /** Made only when it is asked. May reject with StoreUnavailableError. */
  readonly secondary: () => Promise<StorageBackend>;
  /** Input `use-fallback`. false: nobody else is asked. */
  readonly enabled: boolean;
  readonly log: Log;
}

export interface FallbackBackend extends StorageBackend {
  /** The bucket was found down in this process: the post step gives it one attempt only. */
  readonly bucketDown: boolean;
  /**
   * Why the last lookup or restore found nothing although nobody could say so: an outage, not a miss. undefined: its
   * answer was an answer.
   */
  readonly unanswered: string | undefined;
}

/**
 * The one place that decides when a second backend is asked: when the first does not answer, refuses, or cannot
 * hold the name. A miss is a miss and asks nobody; damage (`DamagedArchiveError`) and every other error passes
 * through. A save moves on only while the first has accepted no byte of the archive.
 *
 * `lookup` and `restore` never throw StoreUnavailableError, StoreRefusedError or NameTooLongError: they warn, answer
 * undefined and say why in `unanswered`. `save` throws them when nobody took the archive.
 */
export function createFallback(options: FallbackOptions): FallbackBackend {
  return new Fallback(options);
}

/** A store that does not answer, refuses, or cannot hold the name: what another backend may stand in for. */
export type FallbackCause = StoreUnavailableError | StoreRefusedError | NameTooLongError;

class Fallback implements FallbackBackend {
  readonly source: StorageBackend['source'];
  readonly #options: FallbackOptions;
  #secondary: StorageBackend | undefined;
  #down: StoreUnavailableError | undefined;
  #unanswered: string | undefined;
  /** The last lookup or restore was answered by the primary, with a match or a miss. */
  #primaryAnswered = false;

  constructor(options: FallbackOptions) {
    this.#options = options;
    this.source = options.primary.source;
  }

  get bucketDown(): boolean {
    return this.#down !== undefined;
  }

  get unanswered(): string | undefined {
    return this.#unanswered;
  }

  get counters(): { readonly requests: number; readonly retries: number } {
    const first = this.#options.primary.counters;
    const second = this.#secondary?.counters;
    return {
      requests: first.requests + (second?.requests ?? 0),
      retries: first.retries + (second?.retries ?? 0),
    };
  }

  lookup(request: LookupRequest): Promise<CacheMatch | undefined> {
    return this.#read(backend => backend.lookup(request));
  }

  restore(request: RestoreRequest): Promise<RestoreOutcome | undefined> {
    return this.#read(backend => backend.restore(request));
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    try {
      return await this.#first(backend => backend.save(request));
    } catch (error) {
      if (!isFallbackCause(error) || hasAccepted(error) || !this.#options.enabled) throw error;
      this.#announce(error);
    }
    return (await this.#second()).save(request);
  }

  /** Whoever refused the question would only be asked it again: the primary explains its own misses alone. */
  async diagnose(request: LookupRequest): Promise<string | undefined> {
    return this.#primaryAnswered ? this.#options.primary.diagnose?.(request) : undefined;
  }

  close(): void {
    this.#options.primary.close();
    this.#secondary?.close();
  }

  async #read<T>(ask: (backend: StorageBackend) => Promise<T | undefined>): Promise<T | undefined> {
    this.#unanswered = undefined;
    this.#primaryAnswered = false;
    try {
      const answer = await this.#first(ask);
      this.#primaryAnswered = true;
      return answer;
    } catch (error) {
      if (!isFallbackCause(error)) throw error;
      if (!this.#options.enabled) return this.#giveUp(`${this.#describe(error)}.`, error);
      this.#announce(error);
    }
    try {
      return await ask(await this.#second());
    } catch (error) {
      if (!isFallbackCause(error)) throw error;
      return this.#giveUp(`${error.message}.`, error);
    }
  }

  /** Asks the bucket, unless it was found down before in this process. */
  async #first<T>(ask: (backend: StorageBackend) => Promise<T>): Promise<T> {
    if (this.#down !== undefined) throw this.#down;
    try {
      return await ask(this.#options.primary);
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.#down = error;
      throw error;
    }
  }

  async #second(): Promise<StorageBackend> {
    this.#secondary ??= await this.#options.secondary();
    return this.#secondary;
  }

  /** An outage passes, so it is a line; what the user can mend is a warning. */
  #announce(error: FallbackCause): void {
    const line = `${this.#describe(error)}. GitHub's cache is asked instead.`;
    if (error instanceof StoreUnavailableError) this.#options.log.notice(line);
    else this.#options.log.warning(line);
  }

  #describe(error: FallbackCause): string {
    const place = this.source === 'directory' ? 'cache directory' : 'bucket';
    if (error instanceof StoreRefusedError) {
      return `The ${place} refuses${error.lookAt === undefined ? ':' : ','} ${error.advice}`;
    }
    if (error instanceof NameTooLongError) return `The ${place} cannot hold this key: ${error.message}`;
    return `The ${place} cannot be reached: ${error.message}`;
  }

  #giveUp(line: string, error: FallbackCause): undefined {
    this.#options.log.warning(line);
    this.#unanswered = error.message;
    return undefined;
  }
}

export function isFallbackCause(error: unknown): error is FallbackCause {
  return (
    error instanceof StoreUnavailableError ||
    error instanceof StoreRefusedError ||
    error instanceof NameTooLongError
  );
}

function hasAccepted(error: FallbackCause): boolean {
  return !(error instanceof NameTooLongError) && error.accepted;
}
