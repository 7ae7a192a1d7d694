// Loaded with --import before the action: makes Node report another number of cores, so that the action starts as many
// workers as on a machine that has them.

import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

const workers = Number(process.env.BENCH_WORKERS);
os.availableParallelism = () => workers;
syncBuiltinESMExports();
