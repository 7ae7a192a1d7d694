import { chmodSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { repositoryFile } from '../../support/checkout.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { BesiegedHost } from './besieged-host.ts';

// `npm run sabotage` does a thousand
test(
  'restores are right, end with 0 and keep the size while another job sabotages their disk cache',
  requires(posix),
  async () => {
    const root = scratch();
    chmodSync(root, 0o755);
    const host = await BesiegedHost.start({ actionDir: repositoryFile('.'), fromSources: true, root });
    onTestFinished(() => host.close());
    const rounds = [];
    for (const seed of [2, 3, 4]) rounds.push(await host.round(seed));
    expect(rounds.flatMap(({ violations }) => violations)).toEqual([]);
    expect(rounds.flatMap(({ done }) => done).length).toBeGreaterThan(0);
    expect(await host.checkSize()).toEqual([]);
  },
);
