import type { Log } from './log.ts';
import { formatBytes, formatRate } from './units.ts';

export const PROGRESS_INTERVAL_MS = 5000;

export interface ProgressOptions {
  readonly log: Log;
  /** What happens to the bytes, for the title of the group: `Receiving`, `Sending`. */
  readonly doing: string;
  /** What has happened to them, for the lines: `Received`, `Sent`. */
  readonly done: string;
  /** The clock, in ms. */
  readonly now?: () => number;
  readonly intervalMs?: number;
}

export interface Progress {
  /** So many bytes more were transferred. */
  add(bytes: number): void;
  /** So many bytes there are in all; may be told late, or never. */
  expect(totalBytes: number): void;
  /** No line comes after this, and the group of those before it is closed. */
  end(): void;
}

/**
 * A line about every five seconds on a transfer that takes that long: bytes, percent where the total is known, and the
 * rate since the last line. They go into a group, so that what counts in the end is not lost among them. The timer
 * keeps no process alive.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { log, doing, done, now = () => performance.now() } = options;
  let bytes = 0;
  let total: number | undefined;
  let lastBytes = 0;
  let lastMs = now();

  const timer = setInterval(() => {
    const ms = now();
    const share =
      total === undefined || total <= 0
        ? ''
        : ` of ${formatBytes(total)} (${Math.min(100, Math.floor((bytes / total) * 100))} %)`;
    log.startGroup(total === undefined ? doing : `${doing} ${formatBytes(total)}`);
    log.info(`${done} ${formatBytes(bytes)}${share}, ${formatRate(bytes - lastBytes, ms - lastMs)}`);
    lastBytes = bytes;
    lastMs = ms;
  }, options.intervalMs ?? PROGRESS_INTERVAL_MS);
  timer.unref();

  return {
    add(count) {
      bytes += count;
    },
    expect(totalBytes) {
      total = totalBytes;
    },
    end() {
      clearInterval(timer);
      log.endGroup();
    },
  };
}
