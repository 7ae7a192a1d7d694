import { expect, test } from 'vitest';
import { posix, requires } from '../../support/platform-needs.ts';
import { concurrentRound } from './concurrent-restores.ts';

// `npm run faults:concurrency` does this with sixteen processes and twenty rounds
// Windows refuses to rename over an open file
test.each([
  ['nothing', 'none'],
  ['damage', 'fails'],
  ['other content', 'killed'],
  ['other types', 'none'],
] as const)(
  'three concurrent restores over %s show readers only whole files (disturbance of one: %s)',
  requires(posix),
  async (before, disturbance) => {
    const report = await concurrentRound({ processes: 3, readers: 1, before, disturbance });
    expect(report.violations).toEqual([]);
    expect(report.reads).toBeGreaterThan(0);
  },
);
