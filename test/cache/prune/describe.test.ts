import { expect, test } from 'vitest';
import { describeReason, describeResult } from '../../../src/cache/prune/describe.ts';
import type { Deletion } from '../../../src/cache/prune/plan.ts';

const DAY = 24 * 60 * 60 * 1000;
const entry = {
  object: { name: 'o', sizeBytes: 1, modifiedMs: 0 },
  usedMs: undefined,
} as unknown as Deletion['entry'];
const rules = { maxAgeMs: 7 * DAY, unusedMs: 3 * DAY, perRepositoryBytes: 2e9, maxSizeBytes: 5e9 };

test.each([
  ['all', 'selected'],
  ['age', 'saved 10 d ago, over the limit of 7 d'],
  ['unused', 'not used for 10 d, over the limit of 3 d'],
  ['repository-size', 'its repository exceeds 2.0 GB; not used for 10 d'],
  ['size', 'all caches together exceed 5.0 GB; not used for 10 d'],
] as const)('a cache that is deleted for the reason %s is described as: %s', (reason, text) => {
  expect(describeReason({ entry, reason } as Deletion, rules, 10 * DAY)).toBe(text);
});

test('a cache that is deleted for a size is described without the time of its last use if that is not known', () => {
  const unknown = { object: { ...entry.object, modifiedMs: undefined } };
  expect(describeReason({ entry: unknown, reason: 'size' } as Deletion, rules, 10 * DAY)).toBe(
    'all caches together exceed 5.0 GB; its last use is not known',
  );
});

const nothing = {
  ...{ caches: 3, bytes: 3e6, deletedCaches: 0, deletedBytes: 0, deletedMarkers: 0, deletedTrials: 0 },
  ...{ refusedLeftovers: 0, abortedUploads: 0, changed: 0, excessBytes: 0 },
};

test('a prune that deletes nothing has one line', () => {
  expect(describeResult(nothing as never, false)).toEqual(['Deleted 0 caches of 3, 0 B of 3.0 MB.']);
});

test('a prune has a line for each kind of thing that it deletes, leaves or finds changed', () => {
  const result = {
    ...nothing,
    ...{ deletedCaches: 1, deletedBytes: 1e6, deletedMarkers: 1, deletedTrials: 2, refusedLeftovers: 2 },
    ...{ abortedUploads: 3, changed: 1, excessBytes: 2e6 },
  };
  expect(describeResult(result as never, false)).toEqual([
    'Deleted 1 cache of 3, 1.0 MB of 3.0 MB.',
    'Deleted 1 marker without a cache.',
    'Deleted 2 trial objects of cache-s3 doctor.',
    '2 leftovers (markers without a cache, trial objects) were not deleted: the credentials do not allow it.',
    'Aborted 3 unfinished uploads older than a day.',
    'The rules were applied again in 1 case, because a cache was used or saved during the prune.',
    'The limit on the size is exceeded by 2.0 MB, because the newest caches are kept.',
  ]);
});

test('a dry run reports what a prune would delete, and that uploads may not be aborted', () => {
  const result = { ...nothing, deletedMarkers: 2, abortedUploads: undefined };
  expect(describeResult(result as never, true)).toEqual([
    'Would delete 0 caches of 3, 0 B of 3.0 MB.',
    'Would delete 2 markers without a cache.',
    'Unfinished uploads were not aborted: the credentials do not allow it.',
  ]);
});
