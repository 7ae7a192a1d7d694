import { expect, test } from 'vitest';
import { type HistoryFacts, runPruneHistory } from './history.ts';

/** `npm run prune-histories` runs more of them. */
test('random histories of saves, hits and killed prunes keep the promises of prune', async () => {
  const all: HistoryFacts[] = [];
  for (let seed = 1; seed <= 40; seed++) all.push(await runPruneHistory(seed, 8));
  const total = (fact: keyof HistoryFacts) => all.reduce((sum, facts) => sum + facts[fact], 0);
  for (const fact of Object.keys(all[0]!) as (keyof HistoryFacts)[]) {
    expect({ fact, count: total(fact) }).toEqual({ fact, count: expect.toSatisfy(count => count > 0) });
  }
});
