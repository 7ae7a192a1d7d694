// sabotage.mjs [--count N] [--seed S] - restores with a disk cache that another job damages, by the built action. Exits
// non-zero if a restore is wrong, fails, warns or hangs. A run of 1,000 sabotages takes about ten minutes.

import { ensureDist } from './build.mjs';

await ensureDist();
await import('../test/faults/disk-cache/run.ts');
