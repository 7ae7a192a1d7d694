import type { GitHubLimits } from '../../../src/storage/github/watchdog.ts';

/** For tests of limits, whose results do not depend on their size. A module that also runs outside of vitest. */
export const SHORT_LIMITS: GitHubLimits = {
  serviceTimeoutMs: 1000,
  idleTimeoutMs: 1000,
  stepTimeoutMs: 10_000,
  remainderMs: 4000,
  maxDownloadBytes: 10_000_000,
};
