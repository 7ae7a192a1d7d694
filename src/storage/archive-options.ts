import { availableParallelism } from 'node:os';
import { type JobRunner, WorkerPool } from '../archive/pool/worker-pool.ts';
import type { JobRecords } from '../records/job-records.ts';
import type { Log } from '../report/log.ts';
import type { Progress } from '../report/progress.ts';

export interface ArchiveBackendOptions {
  readonly log: Log;
  readonly records: JobRecords;
  /** Counts the bytes of transfers, in either direction. */
  readonly progress: Pick<Progress, 'add' | 'expect'>;
  /** The worker's script. */
  readonly workerUrl: URL;
  /** Worker threads; default: the available cores, 8 at most. */
  readonly workers?: number;
  /** Goes into the manifest: `cache-s3/<version>`. */
  readonly tool: string;
}

/** Most worker threads by default: beyond, the main thread and the network are the bound. */
const MOST_WORKERS = 8;

export function createPool(options: ArchiveBackendOptions): JobRunner {
  const workers = options.workers ?? Math.min(availableParallelism(), MOST_WORKERS);
  return new WorkerPool(options.workerUrl, workers);
}
