import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { startRestoreProcess } from '../support/restore-process.ts';
import { bombs } from './bombs.ts';
import { FuzzBench } from './fuzz-case.ts';

describe('bombs', () => {
  test.each(bombs.map((make, index) => [make.name, index] as const))(
    'an object made by %s is refused in time and memory',
    async (_, index) => {
      const directory = scratch();
      const object = join(directory, 'object');
      writeFileSync(object, bombs[index]!(new SeededRandom(1)));
      const job = { object, workspace: directory, patterns: ['tree'] };
      const env = { NODE_OPTIONS: '--max-old-space-size=512' };
      const end = await startRestoreProcess(job, 'self', [], env).ended;
      expect(end.output?.error, end.stderr).toMatch(/^(Damaged|Unusable)ArchiveError$/);
    },
  );
});

// `npm run fuzz -- --cases 10000 --seed 1` does any number, bombs among them, in a process that may hang or die
test('150 mutants neither crash a restore nor write outside', async () => {
  const bench = await FuzzBench.open();
  let accepted = 0;
  try {
    for (let seed = 0; seed < 150; seed++) {
      const report = await bench.run(seed);
      expect(report.violation).toBeUndefined();
      if (report.accepted) accepted++;
    }
  } finally {
    bench.close();
  }
  // Mutants that are all refused, or all taken, would show little
  expect(accepted).toBeGreaterThan(5);
  expect(accepted).toBeLessThan(100);
});
