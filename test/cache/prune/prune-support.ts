import { beforeEach } from 'vitest';
import { markerName } from '../../../src/cache/keys/cache-names.ts';
import { type PruneRequest, pruneCaches } from '../../../src/cache/prune/prune-caches.ts';
import { SimulatedBucket, type Step } from './simulated-bucket.ts';

export const DAY = 24 * 60 * 60 * 1000;
export const VERSION = 'a'.repeat(64);
export const nameOf = (key: string) => `p/v1/octo/app/main/${key}/${VERSION}.tar.zst`;
export const markerOf = (key: string) => markerName('p', nameOf(key))!;

/** The bucket of the test that runs. */
export let bucket: SimulatedBucket;

/** Gives each test of a file a new bucket. Call it once at the top. */
export function useBucket(): void {
  beforeEach(() => {
    bucket = new SimulatedBucket();
  });
}

export const names = () => [...bucket.objects.keys()].toSorted();
export const prune = (request: Partial<PruneRequest>, step: Step = async () => {}) =>
  pruneCaches({
    store: bucket.open(step),
    prefix: 'p',
    patterns: {},
    rules: {},
    dryRun: false,
    removesLeftovers: true,
    onDeletion() {},
    ...request,
  });

/** Calls `then` once, before the first operation of a kind on an object. */
export const once = (wanted: string, name: string, then: () => void): Step => {
  let done = false;
  return async (operation, of, at) => {
    if (done || operation !== wanted || of !== name || at !== 'before') return;
    done = true;
    then();
  };
};
