import type { JobRecords } from '../../records/job-records.ts';
import type { Log } from '../../report/log.ts';
import { anySignal } from '../../retry/signals.ts';
import type { WaitedTime } from '../../retry/stall-limit.ts';
import type { LookupRequest, RestoreRequest, SaveRequest, StorageBackend } from '../backend.ts';
import {
  type Failed,
  type Hit,
  type LookupOutcome,
  type Miss,
  outcomeOfError,
  type RestoreOutcome,
  type SaveOutcome,
  type Unserved,
} from '../outcomes.ts';
import { StoreRefusedError, StoreUnavailableError } from '../store-errors.ts';
import { ClientOutput } from './client-output.ts';
import { GitHubCall, type GitHubCallOptions } from './github-call.ts';
import { type CallEvidence, explainRead, explainSave, isRequestedKey } from './outcome.ts';
import { GITHUB_LIMITS, type GitHubLimits } from './watchdog.ts';

/**
 * Creates the backend of GitHub's own cache. Its client, `@actions/cache`, is loaded at the first call: this takes tens of ms,
 * and most jobs never need it.
 */
export function createGitHubBackend(
  log: Log,
  records: JobRecords,
  environment: Readonly<NodeJS.ProcessEnv>,
  waited: WaitedTime,
): StorageBackend {
  const load = () => loadClient(environment);
  return new GitHubBackend({ load, log, records, limits: GITHUB_LIMITS, waited });
}

/** Loads the client. Throws `StoreUnavailableError` if the runner offers no cache service. */
async function loadClient(environment: Readonly<NodeJS.ProcessEnv>): Promise<Client> {
  const reason = unavailableReason(environment);
  if (reason !== undefined) throw new StoreUnavailableError(reason);
  return import('@actions/cache');
}

type Client = Pick<typeof import('@actions/cache'), 'restoreCache' | 'saveCache'>;

interface GitHubBackendOptions {
  readonly load: () => Promise<Client>;
  readonly log: Log;
  readonly records: JobRecords;
  readonly limits: GitHubLimits;
  /** The waits of the step for its bucket. */
  readonly waited: WaitedTime;
}

/**
 * Uses GitHub's own cache by the client of actions/cache, with the same entries, versions and promises (the system's tar, files
 * written in place). The client gets the `path` lines unchanged, because its version is a hash of them.
 */
export class GitHubBackend implements StorageBackend {
  readonly counters = { requests: 0, retries: 0 };
  readonly #options: GitHubBackendOptions;
  readonly #closed = new AbortController();

  constructor(options: GitHubBackendOptions) {
    this.#options = options;
  }

  async lookup(request: LookupRequest): Promise<LookupOutcome> {
    try {
      return await this.#find(request, { lookupOnly: true });
    } catch (error) {
      return outcomeOfError(error, 'github', request.signal);
    }
  }

  async restore(request: RestoreRequest): Promise<RestoreOutcome> {
    let treeChanged = false;
    const onUnpack = () => {
      if (!treeChanged) this.#options.records.markHalfRestored(request.version, request.includedPaths());
      treeChanged = true;
    };
    const failed = (error: Error) => ({ kind: 'failed', error, treeChanged }) as const;
    try {
      const found = await this.#find(request, { lookupOnly: false, onUnpack });
      if (found.kind === 'hit') {
        this.#options.records.clearHalfRestored(request.version);
        return { ...found, entries: undefined, rawBytes: undefined };
      }
      if (found.kind === 'failed') return failed(found.error);
      if (treeChanged) return failed(new Error("GitHub's cache unpacked an entry that was not requested"));
      return found;
    } catch (error) {
      // tar writes files in place, and they remain when it is stopped
      if (treeChanged) return failed(error as Error);
      const outcome = outcomeOfError(error, 'github', request.signal);
      return outcome.kind === 'failed' ? failed(outcome.error) : outcome;
    }
  }

  async save({ paths, key, uploadChunkSizeBytes, crossOs, signal }: SaveRequest): Promise<SaveOutcome> {
    const options = uploadChunkSizeBytes === undefined ? {} : { uploadChunkSize: uploadChunkSizeBytes };
    let mayBeVisible = false;
    const onFinalize = () => {
      mayBeVisible = true;
    };
    try {
      const { result, sizeBytes, evidence } = await this.#run(signal, { onFinalize }, client =>
        client.saveCache([...paths], key, options, crossOs),
      );
      if (result === -1) return explainSave(evidence);
      const unknown = { entries: undefined, rawBytes: undefined };
      return { kind: 'saved', source: 'github', sizeBytes, ...unknown, reusedBytes: 0 };
    } catch (error) {
      // The client has no error class for this
      if (/^Path Validation Error: .*not exist/.test((error as Error).message)) return { kind: 'empty' };
      const outcome = outcomeOfError(refusedInput(error), 'github', signal);
      return outcome.kind === 'cancelled' ? { ...outcome, mayBeVisible } : outcome;
    }
  }

  close(): void {
    this.#closed.abort(new StoreUnavailableError("GitHub's cache was closed during the call"));
  }

  async #find(
    request: LookupRequest,
    { lookupOnly, onUnpack }: { readonly lookupOnly: boolean; readonly onUnpack?: () => void },
  ): Promise<Hit | Miss | Unserved | Failed> {
    const { paths, primaryKey, restoreKeys, crossOs, signal } = request;
    const onMatch = (key: string) => {
      if (!isRequestedKey(key, [primaryKey, ...restoreKeys])) throw new OtherKeyError(key);
    };
    let ended: EndedCall<string | undefined>;
    try {
      ended = await this.#run(signal, { onMatch, onUnpack }, client =>
        client.restoreCache([...paths], primaryKey, [...restoreKeys], { lookupOnly }, crossOs),
      );
      // With version 1 of the service the client does not print the key before it downloads
      if (ended.result !== undefined) onMatch(ended.result);
    } catch (error) {
      if (!(error instanceof OtherKeyError)) throw refusedInput(error);
      this.#options.log.notice(error.message);
      return { kind: 'miss', diagnosis: undefined };
    }
    const { result: key, sizeBytes, evidence } = ended;
    if (key === undefined) return explainRead(evidence);
    return { kind: 'hit', source: 'github', key, exact: key === primaryKey, sizeBytes };
  }

  async #run<T>(
    signal: AbortSignal | undefined,
    { onMatch = () => {}, ...hooks }: Hooks,
    action: (client: Client) => Promise<T>,
  ): Promise<EndedCall<T>> {
    const { load, log, limits, waited } = this.#options;
    const client = await load();
    const output = new ClientOutput(log, onMatch);
    const call = new GitHubCall({
      limits,
      waited,
      onWrite: chunk => output.write(chunk),
      lastFailure: () => output.lastFailure,
      ...hooks,
    });
    try {
      const result = await call.run(() => action(client), anySignal(this.#closed.signal, signal));
      const { problem, sizeBytes } = output;
      return { result, sizeBytes, evidence: { problem, serviceResponse: call.serviceResponse } };
    } finally {
      this.counters.requests += call.requests;
      this.counters.retries += call.retries;
    }
  }
}

/** Handlers of events in one call. `onMatch` is as in `ClientOutput`. */
interface Hooks extends Pick<GitHubCallOptions, 'onFinalize' | 'onUnpack'> {
  readonly onMatch?: (key: string) => void;
}

/** The result of a call that the client has ended without an error. */
interface EndedCall<T> {
  readonly result: T;
  readonly sizeBytes: number | undefined;
  readonly evidence: CallEvidence;
}

/** Error of a service that has found another entry than the step requested. */
class OtherKeyError extends Error {
  /** Name of the errors that the client (lib/cache.js) does not catch and print. */
  override name = 'ValidationError';
  constructor(key: string) {
    super(
      `GitHub's cache returned a key that was not requested, which counts as a miss: ${key.slice(0, 300)}`,
    );
  }
}

/** Returns the refusal of a key or path that the client rejects before any request. Returns any other error unchanged. */
function refusedInput(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ValidationError') return error;
  const input = error.message.startsWith('Path') ? 'path' : 'key';
  const message = `GitHub's cache does not accept this ${input}: ${error.message}`;
  return new StoreRefusedError(message, { input });
}

/**
 * Returns one clause that names the variable that this runner's environment lacks for GitHub's cache. Returns undefined if the cache
 * is available. The rules are from `@actions/cache` 6.3.0 (lib/internal/config.js); the token is required too, because the service
 * refuses every request without it.
 */
export function unavailableReason(env: Readonly<NodeJS.ProcessEnv>): string | undefined {
  const address = serviceVersion(env) === 'v2' ? 'ACTIONS_RESULTS_URL' : 'ACTIONS_CACHE_URL';
  const missing = [address, 'ACTIONS_RUNTIME_TOKEN'].filter(name => !env[name]);
  if (missing.length === 0) return undefined;
  return `GitHub's cache is not available on this runner: it sets no ${missing.join(' and no ')}`;
}

/** Returns the version of the service. GitHub Enterprise Server has only version 1 and ignores the feature flag. */
function serviceVersion(env: Readonly<NodeJS.ProcessEnv>): 'v1' | 'v2' {
  const server = env.GITHUB_SERVER_URL || 'https://github.com';
  const host = URL.canParse(server) ? new URL(server).hostname.toLowerCase() : '';
  const isHosted = host === 'github.com' || host.endsWith('.ghe.com') || host.endsWith('.localhost');
  return isHosted && env.ACTIONS_CACHE_SERVICE_V2 ? 'v2' : 'v1';
}
