/**
 * This folder is `cache-s3`, the command of operators. It runs outside of jobs, and no step loads it.
 *
 * `main.ts` starts it, and `program.ts` declares the subcommands and their options. The function of a subcommand gets an
 * `Invocation` and its options (`policy`, which has no store, only the output). It reads the store by
 *
 * - `readInventory` (cache/inventory.ts): an async iterable of the caches in the order of their names, with their markers;
 *   it uses the same memory for any number of caches;
 * - `head`, `getRange`, `delete`, `abortStale` of the `ObjectStore`: each retries by itself and ends within the store's
 *   time limits, with an error of storage/store-errors.ts.
 *
 * It writes to `output`. When `signal` aborts, it throws the signal's reason. An error that it throws becomes one sentence and
 * exit status 1 (failure.ts).
 */

import type { Log } from '../report/log.ts';
import type { Output } from './output/output.ts';
import type { openSettings } from './settings.ts';

/** The surroundings of one run of a subcommand. The program closes the store. */
export interface Invocation extends Awaited<ReturnType<typeof openSettings>> {
  readonly log: Log;
  readonly output: Output;
  /** Signal that aborts when the user interrupts the command. */
  readonly signal: AbortSignal;
}
