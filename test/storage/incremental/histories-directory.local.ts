import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runUnprivileged } from '../../support/drop-privileges.ts';
import { posix, readOnlyTimes, requires, symlinks } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { runHistory } from './history.ts';
import { jobsOf } from './jobs.ts';

/** One seed with hashes of contents and one without; `npm run histories` runs any number of them. */

test.each([2, 3])(
  'three incremental saves of a randomly edited tree restore what was saved: seed %i',
  { timeout: 60_000, ...requires(symlinks, readOnlyTimes) },
  async seed => {
    const facts = await runHistory({ seed, generations: 3, store: jobsOf().store, directory: scratch() });
    expect(facts.incremental + facts.full).toBe(3);
    expect(facts.incremental).toBeGreaterThan(0);
  },
);

test('the command for random histories finds no difference as an ordinary user', {
  ...requires(posix),
  timeout: 60_000,
}, async () => {
  const script = fileURLToPath(new URL('histories.ts', import.meta.url));
  const { stdout, exitCode } = await runUnprivileged([
    script,
    ...['--count', '1', '--seed', '3', '--generations', '3', '--jobs', '1'],
  ]);
  expect(stdout).toMatch(/^saves: [1-9]\d* incremental, /m);
  expect(stdout).toMatch(/^1 histories, 0 differences$/m);
  expect(exitCode).toBe(0);
});
