/**
 * `npm run sabotage`: restores with a disk cache that another job flips, cuts, links, fills and removes, before and during
 * them. Ends with 1 if a tree is wrong, a process does not end with 0, hangs or warns, a file outside the directory is changed,
 * or the size is not kept.
 */

import { mkdtempSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { copyCheckout } from '../../support/checkout.ts';
import { readCommandLine } from '../../support/command-line.ts';
import { deleteTree } from '../../support/tree.ts';
import { BesiegedHost } from './besieged-host.ts';

const ROUNDS_A_CHECK = 10;

const USAGE = `npm run sabotage -- [OPTIONS]
  --count N   number of sabotages (1000)
  --seed N    seed of the first round (1)`;

const { count, seed } = readCommandLine(USAGE, { count: 1000, seed: 1 });
const checkout = await copyCheckout('cache-s3-sabotage-');
const root = mkdtempSync(path.join(tmpdir(), 'cache-s3-sabotage-host-'));
await chmod(root, 0o755);
const host = await BesiegedHost.start({ actionDir: checkout.directory, root });
const kinds = new Map<string, number>();
let sabotaged = 0;
let violations = 0;
const report = (where: string, found: readonly string[]) => {
  violations += found.length;
  for (const violation of found.slice(0, 5)) console.log(`${where}: ${violation}`);
};
try {
  for (let round = 0; sabotaged < count; round++) {
    const { done, violations: found } = await host.round(seed + round);
    sabotaged += done.length;
    for (const kind of done) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    report(`round ${seed + round} (${done.join(', ')})`, found);
    if (round % ROUNDS_A_CHECK === 0) report(`size after round ${seed + round}`, await host.checkSize());
    if (round % 50 === 0) console.log(`${sabotaged} sabotages, ${violations} violations so far`);
  }
} finally {
  await host.close();
  await checkout.remove();
  await deleteTree(root);
}
for (const [kind, times] of [...kinds].sort()) console.log(`  ${String(times).padStart(4)}  ${kind}`);
console.log(`${sabotaged} sabotages, ${violations} violations`);
process.exitCode = violations > 0 ? 1 : 0;
