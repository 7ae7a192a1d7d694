import { availableParallelism } from 'node:os';
import { isHostCrowded } from '../../archive/pool/crowded-host.ts';
import { threadProgram } from '../../archive/pool/thread-program.ts';
import type { JobRecords } from '../../records/job-records.ts';
import type { Log } from '../../report/log.ts';
import type { Progress } from '../../report/progress.ts';
import { systemClock } from '../../retry/clock.ts';
import { WaitedTime } from '../../retry/stall-limit.ts';
import { TIME_LIMITS } from '../../retry/time-limits.ts';
import { ArchiveBackend } from '../../storage/archives/archive-backend.ts';
import type { StorageBackend } from '../../storage/backend.ts';
import { createFallback } from '../../storage/fallback.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { VERSION } from '../../version.ts';
import { inputNamer } from '../inputs/input-names.ts';
import type { ActionInputs } from '../inputs/inputs.ts';
import type { Environment } from '../inputs/read-input.ts';
import type { StoreTarget, Target } from '../inputs/target.ts';

/** Options that all steps of this process share. */
interface OpenerOptions {
  readonly env: Environment;
  readonly log: Log;
  /** Registers a secret with the runner, which replaces it in the log. */
  readonly mask: (secret: string) => void;
  readonly records: JobRecords;
}

/** Options of one step. */
export interface OpenOptions {
  /** Whether GitHub's cache is used when the bucket is unavailable or refuses. */
  readonly useFallback: boolean;
  /** Whether the bucket was down in an earlier step: each call gets one attempt until one has succeeded. */
  readonly bucketWasDown: boolean;
  readonly progress: Progress;
  /** The directory for the frames of a restore (input `disk-cache`). */
  readonly diskCache?: ActionInputs['diskCache'];
}

/** Creates the backend of a step. */
export type BackendOpener = (target: Target, options: OpenOptions) => Promise<StorageBackend>;

/** Name and version of this program, for the User-Agent and the manifests of archives. */
export const TOOL = `cache-s3/${VERSION}`;
/** Maximum number of worker threads. With more, the main thread and the network are the limit. */
const MAX_WORKERS = 8;

/** Returns the options of the archive engine that are the same in every step and in the command. */
export function engineOptions() {
  return {
    workerUrl: threadProgram('worker'),
    workers: Math.min(availableParallelism(), MAX_WORKERS),
    isHostCrowded,
    tool: TOOL,
  };
}

/** Creates the function that opens backends. Each module is loaded only when a step needs it. */
export function createOpener({ env, log, mask, records }: OpenerOptions): BackendOpener {
  const openGitHub = async (waited: WaitedTime) => {
    const { createGitHubBackend } = await import('../../storage/github/github-backend.ts');
    return createGitHubBackend(log, records, env, waited);
  };
  const openSecondary = async (waited: WaitedTime) => {
    const { unavailableReason } = await import('../../storage/github/github-backend.ts');
    const reason = unavailableReason(env);
    if (reason === undefined) return openGitHub(waited);
    // The group of the progress would hide the line
    log.endGroup();
    log.info(`${reason}.`);
    return undefined;
  };
  return async (target, { useFallback, bucketWasDown, progress, diskCache }) => {
    const waited = new WaitedTime();
    if (target.kind === 'github') return openGitHub(waited);
    const store = await openStore(target, { log, mask, bucketWasDown, waited });
    const bucket = new ArchiveBackend(store, { ...engineOptions(), log, records, progress, diskCache });
    if (!useFallback) return bucket;
    return createFallback({
      primary: bucket,
      openSecondary: () => openSecondary(waited),
      log,
      nameInput: inputNamer(env),
    });
  };
}

interface StoreOptions
  extends Pick<OpenerOptions, 'log' | 'mask'>,
    Partial<Pick<OpenOptions, 'bucketWasDown'>> {
  /** Time for which the step has waited. Its stores share it. */
  readonly waited?: WaitedTime;
}

/** Opens the store of the target. Makes no request. */
export async function openStore(
  target: StoreTarget,
  { log, mask, bucketWasDown = false, waited = new WaitedTime() }: StoreOptions,
): Promise<ObjectStore> {
  if (target.kind === 'directory') {
    const { createDirectoryStore } = await import('../../storage/directory/directory-store.ts');
    return createDirectoryStore(target.root, { log });
  }
  const { createS3Store } = await import('../../storage/s3/s3-store.ts');
  return createS3Store(target.settings, {
    log,
    mask,
    userAgent: TOOL,
    clock: systemClock,
    timeLimits: TIME_LIMITS,
    bucketWasDown,
    waited,
  });
}
