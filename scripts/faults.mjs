// faults.mjs [--short] [--only REGEXP] [--markdown FILE] - causes faults between the built action and a real RADOS
// Gateway. Prints the messages, the duration and the remaining files and objects of each, and exits non-zero if a promise
// was broken. A full run takes about a quarter of an hour; `--markdown docs/results/faults.md` writes its results.

import { ensureDist } from './build.mjs';

await ensureDist();
await import('../test/faults/run.ts');
