import { expect, test } from 'vitest';
import { FuzzBench } from './fuzz-case.ts';

// `npm run fuzz -- --cases 10000 --seed 1` does any number, in a process that may hang or die
test('three hundred mutants neither crash a restore nor write outside', async () => {
  const bench = await FuzzBench.open();
  let accepted = 0;
  try {
    for (let seed = 0; seed < 300; seed++) {
      const report = await bench.run(seed);
      expect(report.violation).toBeUndefined();
      if (report.accepted) accepted++;
    }
  } finally {
    bench.close();
  }
  // Mutants that are all refused, or all taken, would show little
  expect(accepted).toBeGreaterThan(10);
  expect(accepted).toBeLessThan(200);
});
