import { COUNTED_BYTES, type WaitedTime } from '../../retry/stall-limit.ts';

/** Limits on the time that a job waits for GitHub's cache, in ms, and on the bytes that it downloads. */
export interface GitHubLimits {
  /** Limit of each call of the cache service (find, reserve, finalize), with the client's retries. */
  readonly serviceTimeoutMs: number;
  /** Limit of the time in which less than 64 KiB of an archive are transferred, in both directions together. */
  readonly idleTimeoutMs: number;
  /** Limit of all waits of a step together: for its bucket, and for GitHub's cache in its place. */
  readonly stepTimeoutMs: number;
  /** The part of that limit that remains for GitHub's cache, however long the step has waited for its bucket. */
  readonly remainderMs: number;
  /** Largest archive that is downloaded. The client writes all of it to the disk before it unpacks it. */
  readonly maxDownloadBytes: number;
}

/**
 * The limits of production. Without them the client waits 30 s for a service that responds with 503, and about 15 minutes for
 * one that does not respond (`@actions/cache` 6.3.0, measured).
 */
export const GITHUB_LIMITS: GitHubLimits = {
  serviceTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  // A bucket may take 40 s, or 50 s in a save, and a step that neither store serves is to end within a minute
  stepTimeoutMs: 52_000,
  remainderMs: 4_000,
  // GitHub stores archives of at most 10 GiB (`@actions/cache` 6.3.0, cache.ts); a GitHub Enterprise Server may store more
  maxDownloadBytes: 32 * 1024 ** 3,
};

/** The shortest limit of one wait in ms, however long the step has waited. */
const SHORTEST_MS = 1000;

/**
 * Creates the watchdog, which decides when a call of the client has waited too long. It counts waits for the service since the first
 * attempt, in a transfer since the last 64 KiB, and together with the earlier waits of the step. While a program (tar) runs, and then
 * until the next request, there is no limit: a slow disk is not GitHub's fault. The caller passes times in ms of a monotonic clock.
 * @param waited the earlier waits of the step, to which the waits for the service are added.
 */
export function createWatchdog(limits: GitHubLimits, waited: WaitedTime) {
  const stepMs = Math.max(limits.stepTimeoutMs, waited.ms + limits.remainderMs);
  let phase: 'local' | 'service' | 'transfer' = 'local';
  let sinceMs = 0;
  let bytes = 0;
  let programs = 0;
  const enter = (next: typeof phase, nowMs: number) => {
    if (phase === 'service') waited.add(sinceMs, nowMs);
    phase = next;
    sinceMs = nowMs;
  };
  return {
    noteRequestStart(kind: 'service' | 'transfer', nowMs: number): void {
      // Neither a retry of a service call nor a further request of a transfer restarts the clock
      if (phase !== kind) enter(kind, nowMs);
    },
    noteProgramStart(nowMs: number): void {
      programs += 1;
      enter('local', nowMs);
    },
    noteProgramEnd(): void {
      programs -= 1;
    },
    /**
     * Notes the progress of a transfer.
     * @param total bytes of both directions since the call began.
     */
    countBytes(total: number, nowMs: number): void {
      if (total - bytes < COUNTED_BYTES) return;
      bytes = total;
      if (phase === 'transfer') sinceMs = nowMs;
    },
    /** Returns the limit that has passed, as a clause for a message. Returns undefined if none has. */
    findExpired(nowMs: number): string | undefined {
      if (programs > 0 || phase === 'local') return undefined;
      const isService = phase === 'service';
      const leftMs = Math.max(SHORTEST_MS, stepMs - waited.ms);
      const limitMs = Math.min(leftMs, isService ? limits.serviceTimeoutMs : limits.idleTimeoutMs);
      if (nowMs - sinceMs < limitMs) return undefined;
      const limit = `${Math.round(limitMs / 1000)} s`;
      return isService
        ? `did not respond within ${limit}`
        : `did not respond: less than ${COUNTED_BYTES} bytes were transferred within ${limit}`;
    },
  };
}
