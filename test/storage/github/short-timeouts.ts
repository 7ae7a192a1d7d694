import type { GitHubTimeouts } from '../../../src/storage/github/watchdog.ts';

/** For tests of timeouts, whose results do not depend on their length. A module that also runs outside of vitest. */
export const SHORT_TIMEOUTS: GitHubTimeouts = {
  serviceTimeoutMs: 1000,
  idleTimeoutMs: 1000,
  stepTimeoutMs: 10_000,
  remainderMs: 4000,
};
