import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The unit of /proc/PID/stat on Linux (USER_HZ). */
const ticksPerSecond = 100;

/** Returns the CPU seconds of processes since their start: user and system time of all threads. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return (
    pids.reduce((total, pid) => total + cpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')), 0) /
    ticksPerSecond
  );
}

/** Returns utime and stime of a /proc/PID/stat line: fields 14 and 15. The name before them may have any characters. */
export function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until processes use less than a tenth of one core, so that work for one run is not charged to the next. */
export async function untilIdle(pids: readonly number[], limitMs = 20_000): Promise<void> {
  const intervalMs = 200;
  for (let waited = 0; waited < limitMs; waited += intervalMs) {
    const before = cpuSecondsOf(pids);
    await delay(intervalMs);
    if (cpuSecondsOf(pids) - before < intervalMs / 10_000) return;
  }
}
