import { parentPort } from 'node:worker_threads';
import type { Job, JobFailure } from '../threads/jobs.ts';
import { runJob } from './run-job.ts';

/** A worker thread: one job after the other, each answered with its result or its failure. */
parentPort!.on('message', ({ id, job }: { id: number; job: Job }) => {
  try {
    const result = runJob(job);
    const transfer = 'bytes' in result ? [result.bytes.buffer] : [];
    parentPort!.postMessage({ id, result }, transfer);
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    const failure: JobFailure = { name, message, code };
    parentPort!.postMessage({ id, failure });
  }
});
