import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { describeResult } from '../../../src/cache/prune/describe.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { StoreRefusedError } from '../../../src/storage/store-errors.ts';
import { bucket, DAY, markerOf, nameOf, names, once, prune, useBucket } from './prune-support.ts';
import type { Step } from './simulated-bucket.ts';

useBucket();

describe('prune, which removes what jobs and doctors have left behind,', () => {
  test('keeps a stray marker whose cache is saved after the listing', async () => {
    bucket.put(markerOf('a'), 0);
    const saved = once('head', nameOf('a'), () => bucket.put(nameOf('a'), 10));
    expect(await prune({}, saved)).toMatchObject({ deletedMarkers: 0 });
    expect(names()).toEqual([markerOf('a'), nameOf('a')]);
  });

  test('needs at most 400 bytes of memory for each stray marker', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
    const heapBytes = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const markers = 10_000;
    const before = heapBytes();
    let after: number | undefined;
    const store: ObjectStore = {
      ...bucket.open(async () => {}),
      nowMs: bucket.nowMs,
      async *list(root) {
        if (!root.startsWith('p/used/')) return;
        for (let number = 0; number < markers; number++) {
          const name = markerOf(`npm-${String(number).padStart(64, '0')}`);
          yield { name, etag: 'e', sizeBytes: 0, modifiedMs: bucket.nowMs };
        }
      },
      async delete() {
        after ??= heapBytes();
      },
    };
    expect(await prune({ store })).toMatchObject({ deletedMarkers: markers });
    expect((after! - before) / markers).toBeLessThan(400);
  });

  test('deletes no stray marker and aborts no upload if it removes no leftovers', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.put(markerOf('stray'), 0);
    const store: ObjectStore = {
      ...bucket.open(async () => {}),
      nowMs: bucket.nowMs,
      abortStale: () => Promise.reject(new Error('not to be called')),
    };
    const result = await prune({ store, rules: { all: true }, removesLeftovers: false });
    expect(result).toMatchObject({ deletedCaches: 1, deletedMarkers: 0, abortedUploads: 0 });
    expect(names()).toEqual([markerOf('stray')]);
  });

  test('counts stray markers that the credentials do not allow to delete, and deletes the others', async () => {
    for (const key of ['a', 'b', 'c']) bucket.put(markerOf(key), 0);
    const refuse: Step = async (operation, name) => {
      if (operation === 'delete' && name === markerOf('b'))
        throw new StoreRefusedError('access is denied', []);
    };
    const result = await prune({}, refuse);
    expect(result).toMatchObject({ deletedMarkers: 2, refusedLeftovers: 1 });
    expect(names()).toEqual([markerOf('b')]);
    expect(describeResult(result, false)).toContain(
      '1 leftover (markers without a cache, trial objects) was not deleted: the credentials do not allow it.',
    );
  });

  test('deletes trial objects of a doctor that are older than a day, and their markers, in its place', async () => {
    const trial = (place: string) => `p/v1/${place}doctor-0123456789ab`;
    const own = [trial('octo/app/main/'), `${trial('octo/app/main/')}/a/1`];
    const elsewhere = [trial(''), trial('octo/lib/'), trial('octo/app/')];
    for (const name of [...own, ...elsewhere, 'p/used/v1/~/octo/app/main/doctor-0123456789ab'])
      bucket.put(name, 10);
    const all = names();
    const patterns = { repository: 'octo/app', scope: 'm*' };
    bucket.nowMs += DAY - 1;
    expect(await prune({ patterns })).toMatchObject({ deletedTrials: 0 });
    bucket.nowMs += 1;
    expect(await prune({ patterns, dryRun: true })).toMatchObject({ deletedTrials: 3 });
    expect(await prune({ patterns: { key: '*' } })).toMatchObject({ deletedTrials: 0 });
    expect(names()).toEqual(all);
    const result = await prune({ patterns });
    expect(describeResult(result, false)).toContain('Deleted 3 trial objects of cache-s3 doctor.');
    expect(names()).toEqual(elsewhere.toSorted());
  });

  test('keeps a trial object whose time is not known, because its doctor may run now', async () => {
    const trial = 'p/v1/doctor-0123456789ab';
    bucket.put(trial, 10);
    bucket.hideTime(trial);
    bucket.nowMs += 9 * DAY;
    expect(await prune({})).toMatchObject({ deletedTrials: 0 });
    expect(names()).toEqual([trial]);
  });

  test('deletes a trial object of a doctor without the right to delete markers', async () => {
    const trial = 'doctor-0123456789ab';
    const marker = `p/used/v1/~/${trial}`;
    const refuse: Step = async (operation, name) => {
      if (operation === 'delete' && name.startsWith('p/used/'))
        throw new StoreRefusedError('access is denied', []);
    };
    bucket.put(`p/v1/${trial}`, 10);
    bucket.nowMs += DAY;
    expect(await prune({}, refuse)).toMatchObject({ deletedTrials: 1, refusedLeftovers: 0 });
    bucket.put(`p/v1/${trial}`, 10);
    bucket.put(marker, 10);
    bucket.nowMs += DAY;
    expect(await prune({}, refuse)).toMatchObject({ deletedTrials: 1, refusedLeftovers: 1 });
    expect(names()).toEqual([marker]);
    expect(await prune({})).toMatchObject({ deletedTrials: 1, refusedLeftovers: 0 });
    expect(names()).toEqual([]);
  });

  test('aborts uploads of caches in its place, and none of other programs', async () => {
    const uploads = [
      nameOf('a'),
      nameOf('b'),
      'p/v1/octo/app/README',
      'p/v1/octo/app',
      'p/v1/doctor-0123456789ab/copy',
    ].map(name => ({ name, begunMs: 0 }));
    const store: ObjectStore = {
      ...bucket.open(async () => {}),
      nowMs: bucket.nowMs,
      async *unfinishedUploads() {
        yield* uploads;
      },
      abortStale: async (_, __, { isOwn }) => uploads.filter(({ name }) => isOwn(name)).length,
    };
    for (const dryRun of [true, false]) {
      expect(await prune({ store, dryRun })).toMatchObject({ abortedUploads: 3 });
      expect(await prune({ store, dryRun, patterns: { key: 'a' } })).toMatchObject({ abortedUploads: 1 });
    }
  });

  test('succeeds without the right to abort uploads', async () => {
    const store: ObjectStore = {
      ...bucket.open(async () => {}),
      nowMs: bucket.nowMs,
      abortStale: () => Promise.reject(new StoreRefusedError('access is denied', [])),
    };
    expect(await prune({ store })).toMatchObject({ abortedUploads: undefined });
  });
});
