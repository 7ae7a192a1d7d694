// faults.mjs [--short] [--only REGEXP] [--markdown FILE] - breaks things between the built action and a real RADOS
// Gateway. Prints what the user sees, the time and what is left for each fault, and exits non-zero when a promise was
// broken. A full run takes about a quarter of an hour; `--markdown docs/results/faults.md` writes its results.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { root } from './project.mjs';

if (!existsSync(path.join(root, 'dist/index.js'))) await build(path.join(root, 'dist'));
await import('../test/faults/run.ts');
