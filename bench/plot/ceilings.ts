import type { Phase } from '../options.ts';

/** CPU seconds of one phase of one case, on a host that shares its cores with the gateway as little as possible. */
export interface PhaseCost {
  readonly mainSeconds: number;
  /** All other threads. */
  readonly workerSeconds: number;
  /** Bytes of files. */
  readonly rawBytes: number;
  readonly objectBytes: number;
}

/** The same phase by the peers' method: the transfer, then one `tar`, or the reverse. */
export interface PeerCost {
  /** Seconds beside the transfer, which use one core, or two with zstd. */
  readonly tarSeconds: number;
  readonly objectBytes: number;
}

export interface Ceiling {
  readonly seconds: number;
  readonly limit: 'main thread' | 'workers' | 'link';
}

/**
 * Computes the least time of a phase: threads and link work at the same time, so the slowest part is the limit. One core is the
 * main thread's, and workers use at most eight of the others (`defaultWorkers`).
 */
export function ceilingOf(
  { mainSeconds, workerSeconds, objectBytes }: PhaseCost,
  host: { readonly cores: number; readonly bitsPerSecond: number; readonly maxWorkers: number },
): Ceiling {
  const workers = Math.max(1, Math.min(host.cores - 1, host.maxWorkers));
  const parts = [
    { limit: 'main thread', seconds: mainSeconds },
    { limit: 'workers', seconds: workerSeconds / workers },
    { limit: 'link', seconds: (objectBytes * 8) / host.bitsPerSecond },
  ] as const;
  return parts.reduce((slowest, part) => (part.seconds > slowest.seconds ? part : slowest));
}

/** Computes the least time of the peers' method, whose steps follow each other. */
export function peerSeconds({ tarSeconds, objectBytes }: PeerCost, bitsPerSecond: number): number {
  return tarSeconds + (objectBytes * 8) / bitsPerSecond;
}

export const PHASES: readonly Phase[] = ['save', 'restore'];
