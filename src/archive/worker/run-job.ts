import type { Job, ResultOf } from '../messages/job.ts';
import { compareEntries } from './compare-entries.ts';
import { packFrame } from './pack-frame.ts';
import { unpackFrames } from './unpack-frames.ts';

/** Runs a job on this thread. Throws `DamagedArchiveError`, `SourceTreeError` or `TargetTreeError`. */
export function runJob(job: Job): ResultOf<Job> {
  switch (job.kind) {
    case 'pack':
      return packFrame(job);
    case 'unpack':
      return unpackFrames(job);
    case 'compare':
      return compareEntries(job);
  }
}
