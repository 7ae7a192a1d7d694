import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Linux counts in hundredths of a second here, whatever its own clock is (USER_HZ). */
const ticksPerSecond = 100;

/** CPU seconds, user and system, that processes have used since their start, all threads together. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return (
    pids.reduce((total, pid) => total + cpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')), 0) /
    ticksPerSecond
  );
}

/** utime and stime of a /proc/PID/stat line: fields 14 and 15; the name before them may contain anything. */
export function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until processes use less than a tenth of one core: what they still do for one run is not charged to the next. */
export async function untilIdle(pids: readonly number[], limitMs = 20_000): Promise<void> {
  const intervalMs = 200;
  for (let waited = 0; waited < limitMs; waited += intervalMs) {
    const before = cpuSecondsOf(pids);
    await delay(intervalMs);
    if (cpuSecondsOf(pids) - before < intervalMs / 10_000) return;
  }
}
