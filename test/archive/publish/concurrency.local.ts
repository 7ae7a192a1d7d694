import { expect, test } from 'vitest';
import { concurrentRound } from './concurrent-restores.ts';

// `npm run faults:concurrency` does this with sixteen processes and twenty rounds
// on Windows nobody can rename over a file that another has open
test.skipIf(process.platform === 'win32').each([
  ['nothing', 'none'],
  ['damage', 'fails'],
  ['other content', 'killed'],
  ['other types', 'none'],
] as const)('six restores over %s, one of them: %s', async (before, disturbance) => {
  const report = await concurrentRound({ processes: 6, readers: 1, before, disturbance });
  expect(report.violations).toEqual([]);
  expect(report.reads).toBeGreaterThan(0);
});
