import type { Log } from '../../report/log.ts';
import type {
  CacheMatch,
  LookupRequest,
  RestoreOutcome,
  RestoreRequest,
  SaveOutcome,
  SaveRequest,
  StorageBackend,
} from '../backend.ts';
import { StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';
import { whyUnavailable } from './availability.ts';
import { ClientOutput } from './client-output.ts';
import { limitedCall } from './limited-call.ts';
import { unobserved } from './observe.ts';
import { readFailure, saveFailure } from './outcome.ts';
import { defaultLimits, type GitHubLimits } from './watchdog.ts';

export interface GitHubBackendOptions {
  readonly log: Log;
  readonly limits?: GitHubLimits;
}

/**
 * GitHub's own cache, through the client that actions/cache uses: same entries, same versions, same promises (system
 * tar, files written in place). `path` lines are handed over raw because the version is a hash of them.
 *
 * The client is loaded here, not before: it costs tens of ms, and most jobs never need it.
 *
 * @throws StoreUnavailableError where the runner offers no cache service. The methods throw it when GitHub's cache
 * does not answer, and StoreRefusedError when it refuses.
 */
export async function createGitHubBackend(options: GitHubBackendOptions): Promise<StorageBackend> {
  const reason = whyUnavailable(process.env);
  if (reason !== undefined) throw new StoreUnavailableError(reason);
  return new GitHubBackend(await import('@actions/cache'), options.log, options.limits ?? defaultLimits);
}

class GitHubBackend implements StorageBackend {
  readonly source = 'github';
  readonly counters = { requests: 0, retries: 0 };
  readonly #client: typeof import('@actions/cache');
  readonly #log: Log;
  readonly #limits: GitHubLimits;
  readonly #closed = new AbortController();

  constructor(client: typeof import('@actions/cache'), log: Log, limits: GitHubLimits) {
    this.#client = client;
    this.#log = log;
    this.#limits = limits;
  }

  lookup(request: LookupRequest): Promise<CacheMatch | undefined> {
    return this.#find(request, true);
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome | undefined> {
    const match = await this.#find(request, false);
    return match && { ...match, entries: undefined, rawBytes: undefined };
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    const output = this.#newOutput();
    const upload =
      request.uploadChunkSizeBytes === undefined ? {} : { uploadChunkSize: request.uploadChunkSizeBytes };
    let id: number;
    // the client does not say when it asks the service to make the entry visible
    request.onPublish?.();
    try {
      id = await this.#call(output, request.signal, () =>
        this.#client.saveCache([...request.paths], request.key, upload, request.crossOs),
      );
    } catch (error) {
      // The client has no class of its own for this.
      if (/^Path Validation Error: .*not exist/.test((error as Error).message)) return { result: 'empty' };
      throw refusedInput(error);
    }
    if (id === -1) return saveFailure(output);
    const sizeBytes = output.sizeBytes;
    return {
      result: 'saved',
      source: 'github',
      sizeBytes,
      entries: undefined,
      rawBytes: undefined,
      reusedBytes: 0,
    };
  }

  close(): void {
    this.#closed.abort(new StoreUnavailableError("GitHub's cache was closed while it was being asked"));
  }

  async #find(request: LookupRequest, lookupOnly: boolean): Promise<CacheMatch | undefined> {
    const output = this.#newOutput();
    let key: string | undefined;
    try {
      key = await this.#call(output, request.signal, () =>
        this.#client.restoreCache(
          [...request.paths],
          request.primaryKey,
          [...request.restoreKeys],
          { lookupOnly },
          request.crossOs,
        ),
      );
    } catch (error) {
      throw refusedInput(error);
    }
    if (key === undefined) {
      const failure = readFailure(output);
      if (failure !== undefined) throw failure;
      if (output.skipped !== undefined) this.#log.info(output.skipped);
      return undefined;
    }
    return { source: 'github', key, exact: key === request.primaryKey, sizeBytes: output.sizeBytes };
  }

  async #call<T>(output: ClientOutput, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await limitedCall(call, {
        limits: this.#limits,
        onLine: line => unobserved(() => output.read(line)),
        onRequest: () => {
          this.counters.requests += 1;
        },
        lastFailure: () => output.lastAttempt,
        signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
      });
    } finally {
      this.counters.retries += output.retries;
    }
  }

  #newOutput(): ClientOutput {
    const print = (line: string) => void process.stdout.write(`${line}\n`);
    return new ClientOutput(this.#log, print, () => performance.now());
  }
}

/** The client rejects keys and paths that it does not take before it asks anybody. */
function refusedInput(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ValidationError') return error;
  const input = error.message.startsWith('Path') ? 'path' : 'key';
  const message = `GitHub's cache does not take this ${input}: ${error.message}`;
  return new StoreRefusedError(message, `the input '${input}'`);
}
