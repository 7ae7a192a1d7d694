import type {
  Job,
  JobResult,
  LookJob,
  LookResult,
  PackJob,
  PackResult,
  UnpackJob,
  UnpackResult,
} from './jobs.ts';
import { lookAt } from './look.ts';
import { packFrame } from './pack-frame.ts';
import { unpackFrames } from './unpack-frames.ts';

/** Does a job on this thread: in a worker, or on the main thread for an archive too small to start one for. */
export function runJob(job: PackJob): PackResult;
export function runJob(job: UnpackJob): UnpackResult;
export function runJob(job: LookJob): LookResult;
export function runJob(job: Job): JobResult;
export function runJob(job: Job): JobResult {
  switch (job.kind) {
    case 'pack':
      return packFrame(job);
    case 'unpack':
      return unpackFrames(job);
    case 'look':
      return lookAt(job);
  }
}
