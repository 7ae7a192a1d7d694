// with-dist.mjs PROGRAM ARGS... - builds dist/ if it is missing, and runs a program that drives the built action.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDist } from './build.mjs';
import { root } from './project.mjs';

const [program] = process.argv.splice(2, 1);
await ensureDist();
await import(pathToFileURL(path.join(root, program)));
