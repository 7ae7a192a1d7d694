import { release } from '../memory/buffers.ts';
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

/** Runs a job, and frees the memory of its bytes, if it has any. Throws as `runJob` does. */
export function runAndRelease(job: Job): ResultOf<Job> {
  try {
    return runJob(job);
  } finally {
    if ('bytes' in job) release(job.bytes);
  }
}
