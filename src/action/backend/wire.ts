import type { Log } from '../../report/log.ts';
import { systemClock } from '../../retry/clock.ts';
import { TIME_LIMITS } from '../../retry/time-limits.ts';
import { createArchiveBackend } from '../../storage/archive-backend.ts';
import type { StorageBackend } from '../../storage/backend.ts';
import { createFallback } from '../../storage/fallback.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { StoreUnavailableError } from '../../storage/store-errors.ts';
import { VERSION } from '../../version.ts';
import type { Target } from '../inputs/target.ts';
import { lazyBackend } from './lazy-backend.ts';
import type { OpenBackend, OpenOptions, StepBackend } from './open.ts';

export interface WireOptions {
  readonly log: Log;
  /** The program of the archive's worker threads. */
  readonly workerUrl: URL;
}

type Bucket = Exclude<Target, { kind: 'github' }>;

const TOOL = `cache-s3/${VERSION}`;

/** The one place that knows which modules a step is made of. Each is loaded only where it is used. */
export function createOpener(wire: WireOptions): OpenBackend {
  const github = async () => {
    const { createGitHubBackend } = await import('../../storage/github/github-backend.ts');
    return createGitHubBackend(wire.log);
  };
  return async ({ target }, options) => {
    if (target.kind === 'github') return alone(lazyBackend('github', github));
    return createFallback({
      primary: lazyBackend(target.kind, () => openBucket(target, options, wire)),
      secondary: github,
      enabled: options.fallback,
      log: wire.log,
    });
  };
}

async function openBucket(target: Bucket, options: OpenOptions, wire: WireOptions): Promise<StorageBackend> {
  // Node 22.15 and 24 have it; 32-bit ARM runners fall back to Node 20.
  if (process.versions.zstd === undefined) {
    throw new StoreUnavailableError(`Node.js ${process.versions.node} of this runner has no zstd`);
  }
  const store = await openStore(target, options, wire.log);
  const { onBytes, onTotal } = options;
  return createArchiveBackend(store, {
    log: wire.log,
    workerUrl: wire.workerUrl,
    tool: TOOL,
    onBytes,
    onTotal,
  });
}

async function openStore(target: Bucket, options: OpenOptions, log: Log): Promise<ObjectStore> {
  if (target.kind === 'directory') {
    const { createDirectoryStore } = await import('../../storage/directory/directory-store.ts');
    return createDirectoryStore(target.root, { log });
  }
  const { createS3Store } = await import('../../storage/s3/s3-store.ts');
  return createS3Store(target.settings, {
    log,
    userAgent: TOOL,
    clock: systemClock,
    timeLimits: TIME_LIMITS,
    bucketWasDown: options.bucketWasDown,
  });
}

/** A backend that nobody stands in for: its errors are the step's to tell. */
function alone(backend: StorageBackend): StepBackend {
  return Object.defineProperties(backend, {
    bucketDown: { value: false },
    unanswered: { value: undefined },
  }) as StepBackend;
}
