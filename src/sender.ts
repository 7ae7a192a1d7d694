/** The program of the threads that send parts. */

import { parentPort, workerData } from 'node:worker_threads';
import { servePartSender } from './storage/s3/transport/part-sender.ts';

servePartSender(parentPort!, workerData);
