/** The program of the worker threads. */

import { parentPort, workerData } from 'node:worker_threads';
import type { Fetcher } from './archive/messages/fetch.ts';
import { serveJobs } from './archive/worker/worker.ts';

parentPort!.on('messageerror', error => {
  throw error;
});

let fetcher: Promise<Fetcher> | undefined;

/** Creates the fetcher. Its module is loaded only for the first fetch, because a save needs no HTTP client. */
async function createFetcher(): Promise<Fetcher> {
  const { createRangeFetcher } = await import('./storage/s3/transport/range-fetcher.ts');
  return createRangeFetcher(workerData);
}

serveJobs(parentPort!, async (ticket, target, onBytes) => {
  fetcher ??= createFetcher();
  return (await fetcher)(ticket, target, onBytes);
});
