import type { DiskCacheOptions } from '../../archive/disk-cache/disk-cache.ts';
import type { JobRecords } from '../../records/job-records.ts';
import type { Log } from '../../report/log.ts';
import type { Progress } from '../../report/progress.ts';

export interface ArchiveBackendOptions {
  readonly log: Log;
  readonly records: JobRecords;
  /** Counter of the bytes of transfers, in either direction. */
  readonly progress: Pick<Progress, 'add' | 'expect'>;
  /** Script of the worker threads. */
  readonly workerUrl: URL;
  /** Directory of the host that keeps frames, for stores from which workers read. */
  readonly diskCache?: Omit<DiskCacheOptions, 'onProblem'> | undefined;
  /** Number of worker threads, 1 or more. */
  readonly workers: number;
  /** Returns whether the host has no free core for workers. */
  readonly isHostCrowded: () => boolean;
  /** Name of this program in the manifest: `cache-s3/<version>`. */
  readonly tool: string;
}
