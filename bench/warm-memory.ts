import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Memory for other programs. */
const reserveBytes = 4e9;
const mostBytes = 12e9;

/**
 * Writes to the memory that will be used: on a virtual machine the first access to a page may take several times as long as
 * the work (the same `tar -x` took 6.0 s on such memory and 1.8 s afterwards).
 */
export function warmMemory(): void {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  const bytes = Math.min(mostBytes, Number(available ?? 0) * 1024 - reserveBytes);
  const file = path.join(
    process.env.CACHE_S3_BENCH_TMPFS ?? '/dev/shm',
    `cache-s3-bench-warm-${process.pid}`,
  );
  const chunk = Buffer.alloc(16 << 20, 1);
  const descriptor = openSync(file, 'wx');
  rmSync(file);
  try {
    for (let written = 0; written < bytes; written += chunk.length) writeSync(descriptor, chunk);
    ftruncateSync(descriptor, 0);
  } finally {
    closeSync(descriptor);
  }
}
