import type { Job, PackJob, PackResult, UnpackJob, UnpackResult } from './jobs.ts';
import { packFrame } from './pack-frame.ts';
import { unpackFrames } from './unpack-frames.ts';

/** Does a job on this thread: in a worker, or on the main thread for an archive too small to start one for. */
export function runJob(job: PackJob): PackResult;
export function runJob(job: UnpackJob): UnpackResult;
export function runJob(job: Job): PackResult | UnpackResult;
export function runJob(job: Job): PackResult | UnpackResult {
  return job.kind === 'pack' ? packFrame(job) : unpackFrames(job);
}
