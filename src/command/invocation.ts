/**
 * This folder is `cache-s3`, the command of operators. It runs outside of jobs, and no step loads it.
 *
 * `main.ts` starts it, `program.ts` declares the subcommands and their options, and a module for each subcommand exports
 * one function that gets an `Invocation` and its options. It reads the store by
 *
 * - `readInventory` (cache/inventory.ts): an async iterable of the caches in the order of their names, with their markers;
 *   it uses the same memory for any number of caches;
 * - `head`, `getRange`, `delete`, `abortStale` of the `ObjectStore`: each retries by itself and ends within the store's
 *   time limits, with an error of storage/store-errors.ts;
 *
 * and writes by `output`. An error that it throws becomes one sentence and exit status 1 (failure.ts). It ends when
 * `signal` aborts, and throws the signal's reason.
 */

import type { StoreTarget } from '../action/inputs/target.ts';
import type { Log } from '../report/log.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Output } from './output/output.ts';

/** The surroundings of one run of a subcommand. */
export interface Invocation {
  /** Opened by the settings, without a request. The program closes it. */
  readonly store: ObjectStore;
  /** The settings of the store. */
  readonly target: StoreTarget;
  /** The store for people: `bucket ci-cache at https://rgw.example.com`. */
  readonly place: string;
  /** First part of the objects' names. */
  readonly prefix: string;
  readonly log: Log;
  readonly output: Output;
  /** Aborts when the user interrupts the command. */
  readonly signal: AbortSignal;
}
