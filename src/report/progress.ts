import type { Log } from './log.ts';
import { formatBytes, formatRate } from './units.ts';

/** Time between two lines, in ms. */
export const PROGRESS_INTERVAL_MS = 5000;

export type Progress = ReturnType<typeof createProgress>;

/**
 * Logs a line every five seconds of a transfer: the bytes, the percentage if the total is known, and the rate since the last
 * line. The lines are in a group, so that those after it are easy to find. The timer does not keep the process running.
 * @param doing the first word of the group's title: `Receiving`, `Sending`.
 * @param done the first word of each line: `Received`, `Sent`.
 */
export function createProgress({ log, doing, done }: { log: Log; doing: string; done: string }) {
  let bytes = 0;
  let total: number | undefined;
  let lastBytes = 0;
  let lastMs = performance.now();

  const timer = setInterval(() => {
    const ms = performance.now();
    const share =
      total === undefined || total <= 0
        ? ''
        : ` of ${formatBytes(total)} (${Math.min(100, Math.floor((bytes / total) * 100))} %)`;
    log.startGroup(total === undefined ? doing : `${doing} ${formatBytes(total)}`);
    log.info(`${done} ${formatBytes(bytes)}${share}, ${formatRate(bytes - lastBytes, ms - lastMs)}`);
    lastBytes = bytes;
    lastMs = ms;
  }, PROGRESS_INTERVAL_MS);
  timer.unref();

  return {
    /** Counts transferred bytes. Needs no `this`. */
    add(count: number): void {
      bytes += count;
    },
    /** Sets how many bytes will follow. May be called late, not at all, or again for a transfer that starts over. */
    expect(furtherBytes: number): void {
      total = bytes + furtherBytes;
    },
    /** Stops the lines and ends their group. */
    end(): void {
      clearInterval(timer);
      log.endGroup();
    },
  };
}
