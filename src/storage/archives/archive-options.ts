import type { DiskCacheOptions } from '../../archive/disk-cache/disk-cache.ts';
import type { JobRecords } from '../../records/job-records.ts';
import type { Log } from '../../report/log.ts';
import type { Progress } from '../../report/progress.ts';

export interface ArchiveBackendOptions {
  readonly log: Log;
  readonly records: JobRecords;
  /** Counts the bytes of transfers, in either direction. */
  readonly progress: Pick<Progress, 'add' | 'expect'>;
  /** The worker's script. */
  readonly workerUrl: URL;
  /** A directory of the host for frames, for stores that workers read from. */
  readonly diskCache?: Omit<DiskCacheOptions, 'onProblem'> | undefined;
  /** Number of worker threads, 1 or more. */
  readonly workers: number;
  /** Returns whether the host has no core for them. */
  readonly isHostCrowded: () => boolean;
  /** Goes into the manifest: `cache-s3/<version>`. */
  readonly tool: string;
}
