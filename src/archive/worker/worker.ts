import { parentPort } from 'node:worker_threads';
import { encodeFailure, type JobMessage, type ResultMessage, transferListOf } from '../messages/job.ts';
import { runJob } from './run-job.ts';

/** A worker thread: does one job after the other, and answers each with its result or its failure. */
parentPort!.on('message', ({ id, job }: JobMessage) => {
  try {
    const result = runJob(job);
    parentPort!.postMessage({ id, result } satisfies ResultMessage, transferListOf(result));
  } catch (error) {
    const failure = encodeFailure(error as NodeJS.ErrnoException);
    parentPort!.postMessage({ id, failure } satisfies ResultMessage);
  }
});
