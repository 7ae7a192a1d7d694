import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { scratch } from './scratch.ts';

/** Returns code that starts a thread which hangs in a call of the system: it opens a FIFO that no program writes to. */
export function hangingThread(): string {
  const fifo = path.join(scratch(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const thread = `
    import { openSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage('opens');
    openSync(${JSON.stringify(fifo)});
  `;
  return `
    const { Worker } = await import('node:worker_threads');
    const worker = new Worker(${JSON.stringify(thread)}, { eval: true });
    await new Promise(resolve => worker.once('message', resolve));
    await new Promise(resolve => setTimeout(resolve, 200));
  `;
}
