// hostile.mjs [--only REGEXP] [--markdown FILE] [--parallel N] - runs the built action against a server that answers each
// call of the store in a hostile way. Prints the messages, the duration and the memory of each row, and exits non-zero if
// a promise was broken. A full run takes about a quarter of an hour; `--markdown docs/results/hostile.md` writes its results.

import { ensureDist } from './build.mjs';

await ensureDist();
await import('../test/faults/hostile/run.ts');
