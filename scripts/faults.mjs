// faults.mjs [--short] [--only REGEXP] [--markdown FILE] - breaks things between the built action and a real RADOS
// Gateway, prints for each fault what the user sees, how long it took and what is left, and ends non-zero when a
// promise was broken. The whole of it takes about a quarter of an hour; docs/faults.md has the table.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { root } from './project.mjs';

if (!existsSync(path.join(root, 'dist/index.js'))) await build(path.join(root, 'dist'));
await import('../test/faults/run.ts');
