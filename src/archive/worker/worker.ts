/**
 * This folder is the code that runs in worker threads: it reads, compresses and writes files. This module serves the main
 * thread: it runs one job after the other and returns the result or the failure of each. Fetches run beside the jobs and
 * fill buffers for them. An archive too small to start a thread for is packed and unpacked by the same code on the main
 * thread (pool/worker-pool.ts).
 */

import type { MessagePort } from 'node:worker_threads';
import type { Fetcher, FetchMessage } from '../messages/fetch.ts';
import { encodeFailure, type JobMessage, type ResultMessage, transferListOf } from '../messages/job.ts';
import { Fetches } from './fetches.ts';
import { runAndRelease, runJob } from './run-job.ts';

/** Serves the main thread at the other end of `port`. */
export function serveJobs(port: MessagePort, fetcher: Fetcher): void {
  const fetches = new Fetches(fetcher, report => port.postMessage(report));
  port.on('message', (message: JobMessage | FetchMessage) => {
    if ('fetch' in message) void fetches.run(message);
    else port.postMessage(...answerTo(message, fetches));
  });
}

function answerTo({ id, job, buffer }: JobMessage, fetches: Fetches): [ResultMessage, ArrayBuffer[]] {
  try {
    const result =
      buffer === undefined
        ? runAndRelease(job)
        : fetches.use(buffer, bytes => runJob({ ...job, bytes } as typeof job));
    return [{ id, result }, transferListOf(result)];
  } catch (error) {
    return [{ id, failure: encodeFailure(error as NodeJS.ErrnoException) }, []];
  }
}
