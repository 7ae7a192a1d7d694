/** The program of the threads that send parts. */

import { parentPort, workerData } from 'node:worker_threads';
import { servePartSender } from './storage/s3/transport/part-sender.ts';

parentPort!.on('messageerror', error => {
  throw error;
});
servePartSender(parentPort!, workerData);
