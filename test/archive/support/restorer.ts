/**
 * A restore in a process of its own, for tests that need another user, many at once, or a kill. Runs with
 * `node restorer.ts '<RestorerJob as JSON>'`; prints what it restored, or `{"error":name,"message":text}`, with its peak memory, and exits with 0 or 1.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface RestorerJob {
  /** File that holds the object. */
  readonly object: string;
  readonly workspace: string;
  readonly patterns: readonly string[];
  /** Worker threads; 0: none, all on the main thread. */
  readonly workers?: number;
  /** The process kills itself with SIGKILL right before its rename of this number, counted from 1. */
  readonly killAtRename?: number;
  /** The process stops itself with SIGSTOP right before its rename of this number, counted from 1. */
  readonly stopAtRename?: number;
  /** The read of this number, counted from 1, fails. */
  readonly failAtRead?: number;
  /** Renames are held up by this many ms each, so that other processes come in between. */
  readonly slowRenameMs?: number;
  /** hardlinks fail as between two file systems. */
  readonly linksCross?: boolean;
}

export const RESTORER = fileURLToPath(import.meta.url);

/** Patches must be in place before the modules that import from node:fs are loaded. */
function disturb({ killAtRename, stopAtRename, slowRenameMs, linksCross }: RestorerJob): void {
  const { renameSync } = fs;
  let renames = 0;
  fs.renameSync = (from, to) => {
    if (++renames === killAtRename) process.kill(process.pid, 'SIGKILL');
    if (renames === stopAtRename) process.kill(process.pid, 'SIGSTOP');
    if (slowRenameMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slowRenameMs);
    renameSync(from, to);
  };
  if (linksCross) {
    fs.linkSync = () => {
      throw Object.assign(new Error('EXDEV: cross-device link not permitted'), { code: 'EXDEV' });
    };
  }
  syncBuiltinESMExports();
}

async function main(job: RestorerJob): Promise<void> {
  disturb(job);
  const { layoutIn, restoreBytes, WORKER_URL } = await import('./archives.ts');
  const { WorkerPool } = await import('../../../src/archive/pool/worker-pool.ts');
  const { RestoreNotices } = await import('../../../src/archive/restore/restore-notices.ts');
  const { workspace, patterns, workers = 0 } = job;
  const notices = new RestoreNotices();
  // The end of the object is the first read
  let reads = 1;
  const { entries } = await restoreBytes(fs.readFileSync(job.object), layoutIn(workspace, patterns), {
    tailBytes: 4096,
    onRead() {
      if (++reads === job.failAtRead) throw new Error('the connection was lost');
    },
    runLabel: `${process.pid}-00000000`,
    ...(workers > 0 && { runner: () => new WorkerPool(WORKER_URL, workers) }),
    notices,
  });
  const { remaining } = notices;
  const refused = Object.values(notices.refused).some(count => count > 0) ? notices.refused : undefined;
  process.stdout.write(`${JSON.stringify({ entries, rssBytes: peakBytes(), refused, remaining })}\n`);
}

/** Returns the most memory that this program has had. On Linux, `maxRSS` begins with that of the process that started it. */
function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
}

if (process.argv[1] === RESTORER) {
  await main(JSON.parse(process.argv[2]!)).catch((error: Error) => {
    const { name, message } = error;
    process.stdout.write(`${JSON.stringify({ error: name, message, rssBytes: peakBytes() })}\n`);
    process.exitCode = 1;
  });
}
