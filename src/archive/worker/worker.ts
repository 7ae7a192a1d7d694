/**
 * This folder is the code that runs in worker threads: it reads, compresses and writes files. This module is a thread's
 * entry: it runs one job after the other and returns the result or the failure of each. An archive too small to start
 * a thread for is packed and unpacked by the same code on the main thread (pool/worker-pool.ts).
 */

import { parentPort } from 'node:worker_threads';
import { encodeFailure, type JobMessage, type ResultMessage, transferListOf } from '../messages/job.ts';
import { runJob } from './run-job.ts';

parentPort!.on('message', ({ id, job }: JobMessage) => {
  try {
    const result = runJob(job);
    parentPort!.postMessage({ id, result } satisfies ResultMessage, transferListOf(result));
  } catch (error) {
    const failure = encodeFailure(error as NodeJS.ErrnoException);
    parentPort!.postMessage({ id, failure } satisfies ResultMessage);
  }
});
