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
import { unavailableReason } from './availability.ts';
import { ClientCall } from './client-call.ts';
import { ClientOutput } from './client-output.ts';
import { explainRead, explainSave, type GitHubFailure, isRequestedKey } from './outcome.ts';
import { GITHUB_TIMEOUTS, type GitHubTimeouts } from './watchdog.ts';

/**
 * Creates the backend of GitHub's own cache. Its client, `@actions/cache`, is loaded here and not before: it costs tens
 * of ms, and most jobs never need it.
 *
 * @throws StoreUnavailableError if the runner offers no cache service.
 */
export async function createGitHubBackend(log: Log): Promise<StorageBackend> {
  const reason = unavailableReason(process.env);
  if (reason !== undefined) throw new StoreUnavailableError(reason);
  return new GitHubBackend(await import('@actions/cache'), log, GITHUB_TIMEOUTS);
}

type Client = Pick<typeof import('@actions/cache'), 'restoreCache' | 'saveCache'>;

/**
 * GitHub's own cache, through the client that actions/cache uses: same entries, same versions, same promises (system
 * tar, files written in place). It gets the `path` lines as they are, because the version is a hash of them.
 *
 * The methods throw StoreUnavailableError when GitHub's cache does not respond or fails, StoreRefusedError when it
 * refuses.
 */
export class GitHubBackend implements StorageBackend {
  readonly source = 'github';
  readonly counters = { requests: 0, retries: 0 };
  readonly #client: Client;
  readonly #log: Log;
  readonly #timeouts: GitHubTimeouts;
  readonly #closed = new AbortController();

  constructor(client: Client, log: Log, timeouts: GitHubTimeouts) {
    this.#client = client;
    this.#log = log;
    this.#timeouts = timeouts;
  }

  lookup(request: LookupRequest): Promise<CacheMatch | undefined> {
    return this.#find(request, true);
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome | undefined> {
    const match = await this.#find(request, false);
    return match && { ...match, entries: undefined, rawBytes: undefined };
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    const { paths, key, uploadChunkSizeBytes: uploadChunkSize, crossOs } = request;
    const output = new ClientOutput(this.#log, () => {});
    const call = this.#newCall(output, request);
    const options = uploadChunkSize === undefined ? {} : { uploadChunkSize };
    let id: number;
    try {
      id = await this.#run(call, () => this.#client.saveCache([...paths], key, options, crossOs));
    } catch (error) {
      // the client has no class of its own for this
      if (/^Path Validation Error: .*not exist/.test((error as Error).message)) return { result: 'empty' };
      throw refusedInput(error);
    }
    const { problem, sizeBytes } = output;
    if (id !== -1) {
      const unknown = { entries: undefined, rawBytes: undefined };
      return { result: 'saved', source: 'github', sizeBytes, ...unknown, reusedBytes: 0 };
    }
    const outcome = explainSave({ problem, serviceResponse: call.serviceResponse });
    if (outcome.kind === 'exists') return { result: 'exists', source: 'github' };
    throw toError(outcome);
  }

  close(): void {
    this.#closed.abort(new StoreUnavailableError("GitHub's cache was closed during the call"));
  }

  async #find(request: LookupRequest, lookupOnly: boolean): Promise<CacheMatch | undefined> {
    const { paths, primaryKey, restoreKeys, crossOs } = request;
    const checkKey = (key: string) => {
      if (!isRequestedKey(key, [primaryKey, ...restoreKeys])) throw new OtherKeyError(key);
    };
    const output = new ClientOutput(this.#log, checkKey);
    const call = this.#newCall(output, request);
    let key: string | undefined;
    try {
      key = await this.#run(call, () =>
        this.#client.restoreCache([...paths], primaryKey, [...restoreKeys], { lookupOnly }, crossOs),
      );
      // with version 1 of the service the client does not print the key before it downloads
      if (key !== undefined) checkKey(key);
    } catch (error) {
      if (!(error instanceof OtherKeyError)) throw refusedInput(error);
      this.#log.notice(error.message);
      return undefined;
    }
    const { problem, sizeBytes } = output;
    if (key !== undefined) return { source: 'github', key, exact: key === primaryKey, sizeBytes };
    const outcome = explainRead({ problem, serviceResponse: call.serviceResponse });
    if (outcome.kind === 'miss') return undefined;
    throw toError(outcome);
  }

  #newCall(
    output: ClientOutput,
    { signal, onPublish }: Pick<SaveRequest, 'signal' | 'onPublish'>,
  ): ClientCall {
    return new ClientCall({
      timeouts: this.#timeouts,
      onWrite: chunk => output.write(chunk),
      onFinalize: onPublish,
      signal: AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]),
    });
  }

  async #run<T>(call: ClientCall, action: () => Promise<T>): Promise<T> {
    try {
      return await call.run(action);
    } finally {
      this.counters.requests += call.requests;
      this.counters.retries += call.retries;
    }
  }
}

/** The service found an entry that the step did not request. */
class OtherKeyError extends Error {
  /** The client (lib/cache.js) catches and prints errors of every other name. */
  override name = 'ValidationError';
  constructor(key: string) {
    super(
      `GitHub's cache returned a key that was not requested, which counts as a miss: ${key.slice(0, 300)}`,
    );
  }
}

function toError({ kind, message }: GitHubFailure): Error {
  return kind === 'refused' ? new StoreRefusedError(message, undefined) : new StoreUnavailableError(message);
}

/** The client rejects keys and paths that it does not accept before it sends a request. */
function refusedInput(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ValidationError') return error;
  const input = error.message.startsWith('Path') ? 'path' : 'key';
  const message = `GitHub's cache does not accept this ${input}: ${error.message}`;
  return new StoreRefusedError(message, `the input '${input}'`);
}
