/**
 * Measures the time that a role costs a step: restores with keys and with a role, in turns. Prints a table of the shortest and
 * the median time of a process.
 */

import { RoleJobs } from '../test/roles/role-jobs.ts';
import { RUNS } from '../test/roles/runs.ts';
import { copyCheckout } from '../test/support/checkout.ts';
import { median } from './report/statistics.ts';

const ROUNDS = 10;

const checkout = await copyCheckout('cache-s3-role-');
const jobs = await RoleJobs.open(checkout.directory);
const { accessKey, secretKey } = jobs.roles.gateway;
const ways = {
  keys: { 'role-to-assume': '', 'role-to-assume-for-save': '', accessKey, secretKey },
  role: {},
};
// Saved with keys: these cannot read what a role has saved (docs/roles.md)
const { stdout: saved } = await jobs.save(RUNS[0]!, 'by-keys', { inputs: ways.keys });
if (!saved.includes('Cache saved with key: by-keys')) throw new Error(saved);
const cases = { 'a miss': { key: 'absent' }, 'a hit, a small cache': { key: 'by-keys' } };
console.log('| Restore | Keys, ms: shortest, median | Role, ms: shortest, median |\n| --- | --- | --- |');
try {
  for (const [name, inputs] of Object.entries(cases)) {
    const times = { keys: [] as number[], role: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of ['keys', 'role'] as const) {
        const { ms, exitCode, outputs } = await jobs.restore(RUNS[0]!, {
          inputs: { ...inputs, ...ways[way] },
        });
        const isHit = outputs['cache-hit'] === 'true';
        if (exitCode !== 0 || isHit !== (inputs.key === 'by-keys')) {
          throw new Error(`a restore with ${way} has failed: ${name}`);
        }
        times[way].push(ms);
      }
    }
    const cells = [times.keys, times.role].map(
      all => `${Math.round(Math.min(...all))}, ${Math.round(median(all))}`,
    );
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
} finally {
  await jobs.close();
  await checkout.remove();
}
