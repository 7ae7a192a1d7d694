import { describe, expect, test } from 'vitest';
import { markerName } from '../../../src/cache/keys/cache-names.ts';
import { type Deletion, isUnused } from '../../../src/cache/prune/plan.ts';
import type { PruneRequest } from '../../../src/cache/prune/prune-caches.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { StoreRefusedError } from '../../../src/storage/store-errors.ts';
import { bucket, DAY, markerOf, nameOf, names, once, prune, useBucket, VERSION } from './prune-support.ts';
import type { Step } from './simulated-bucket.ts';

useBucket();

describe('prune', () => {
  test('deletes a cache and its marker, markers without a cache, and nothing else', async () => {
    bucket.put(nameOf('old'), 10);
    bucket.put(markerOf('old'), 0);
    bucket.put(markerOf('stray'), 0);
    bucket.nowMs += 9 * DAY;
    bucket.put(nameOf('new'), 20);
    bucket.put(markerOf('new'), 0);
    const deleted: string[] = [];
    const result = await prune({
      rules: { unusedMs: 7 * DAY },
      onDeletion: ({ entry, reason }) => void deleted.push(`${entry.key} ${reason}`),
    });
    expect(deleted).toEqual(['old unused']);
    expect(names()).toEqual([markerOf('new'), nameOf('new')]);
    expect(result).toEqual({
      caches: 2,
      bytes: 30,
      deletedCaches: 1,
      deletedBytes: 10,
      deletedMarkers: 1,
      deletedTrials: 0,
      refusedLeftovers: 0,
      abortedUploads: 0,
      changed: 0,
      excessBytes: 0,
    });
  });

  test('in a dry run decides the same and deletes nothing', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.put(markerOf('stray'), 0);
    const before = names();
    const operations = new Set<string>();
    const dry = await prune(
      { rules: { all: true }, dryRun: true },
      async operation => void operations.add(operation),
    );
    expect(names()).toEqual(before);
    expect([...operations]).toEqual(['list']);
    expect(await prune({ rules: { all: true } })).toEqual(dry);
    expect(names()).toEqual([]);
  });

  test('counts the age of caches and trial objects by the earlier clock of the server and this machine', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.put('p/v1/doctor-0123456789ab', 10);
    bucket.nowMs += DAY / 2;
    const store: ObjectStore = { ...bucket.open(async () => {}), laterNowMs: bucket.nowMs + 30 * DAY };
    for (const rules of [{ unusedMs: 7 * DAY }, { maxAgeMs: 7 * DAY }])
      expect(await prune({ store, rules })).toMatchObject({ deletedCaches: 0, deletedTrials: 0 });
  });

  test('keeps a cache whose use is noted after the listing', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.nowMs += 9 * DAY;
    const noted = once('head', nameOf('a'), () => bucket.put(markerOf('a'), 0));
    const result = await prune({ rules: { unusedMs: 7 * DAY } }, noted);
    expect(result).toMatchObject({ deletedCaches: 0, changed: 1 });
    expect(names()).toEqual([markerOf('a'), nameOf('a')]);
  });

  test('deletes another cache for the quota if the least recently used is used after the listing', async () => {
    for (const key of ['a', 'b', 'c']) {
      bucket.put(nameOf(key), 10);
      bucket.nowMs += DAY;
    }
    const noted = once('head', nameOf('a'), () => bucket.put(markerOf('a'), 0));
    expect(await prune({ rules: { maxSizeBytes: 20 } }, noted)).toMatchObject({
      deletedCaches: 1,
      changed: 1,
    });
    expect(names()).toEqual([markerOf('a'), nameOf('a'), nameOf('c')]);
  });

  test('keeps a cache that is saved anew after the listing', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.nowMs += 40 * DAY;
    const saved = once('head', nameOf('a'), () => bucket.put(nameOf('a'), 10));
    expect(await prune({ rules: { maxAgeMs: 30 * DAY } }, saved)).toMatchObject({ deletedCaches: 0 });
    expect(names()).toEqual([nameOf('a')]);
  });

  test('removes the marker of a cache that another prune has deleted, and does not count the cache', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.put(markerOf('a'), 0);
    const deleted = once('head', nameOf('a'), () => bucket.objects.delete(nameOf('a')));
    expect(await prune({ rules: { all: true } }, deleted)).toMatchObject({ deletedCaches: 0, caches: 1 });
    expect(names()).toEqual([]);
  });

  test('counts and deletes only selected caches', async () => {
    for (const key of ['a', 'b']) bucket.put(nameOf(key), 10);
    const result = await prune({ rules: { maxSizeBytes: 0 }, patterns: { key: 'a' } });
    expect(result).toMatchObject({ caches: 1, bytes: 10, deletedCaches: 1 });
    expect(names()).toEqual([nameOf('b')]);
  });

  test('keeps a selected cache that no longer meets its condition at the second check, and does not count it', async () => {
    for (const key of ['a', 'b']) bucket.put(nameOf(key), 10);
    bucket.nowMs += 9 * DAY;
    const noted = once('head', nameOf('a'), () => bucket.put(markerOf('a'), 0));
    const select: PruneRequest['select'] = entry => isUnused(entry, 7 * DAY, bucket.nowMs);
    const result = await prune({ rules: { all: true }, select }, noted);
    expect(result).toMatchObject({ caches: 2, deletedCaches: 1, changed: 1 });
    expect(names()).toEqual([markerOf('a'), nameOf('a')]);
  });

  test('deletes a cache that still meets its condition at the second check, although it has changed', async () => {
    bucket.put(nameOf('a'), 10);
    bucket.nowMs += 9 * DAY;
    const replaced = once('head', nameOf('a'), () => bucket.put(nameOf('a'), 20));
    const result = await prune({ rules: { all: true }, select: ({ key }) => key === 'a' }, replaced);
    expect(result).toMatchObject({ deletedCaches: 1, deletedBytes: 20, changed: 1 });
    expect(names()).toEqual([]);
  });

  test('reads and cleans only the place of its patterns', async () => {
    const elsewhere = [
      `p/v1/octo/lib/main/a/${VERSION}.tar.zst`,
      `p/v1/octo/app/other/a/${VERSION}.tar.zst`,
      nameOf('b'),
    ].map(name => markerName('p', name)!);
    for (const marker of [...elsewhere, markerOf('a')]) bucket.put(marker, 0);
    const listed = new Set<string>();
    const result = await prune(
      { patterns: { repository: 'octo/app', scope: 'main', key: 'a*' } },
      async (operation, name) => {
        if (operation === 'list') listed.add(name);
      },
    );
    expect(result).toMatchObject({ deletedMarkers: 1 });
    expect(names()).toEqual(elsewhere.toSorted());
    expect([...listed].toSorted()).toEqual(['p/used/v1/~/octo/app/main/', 'p/v1/octo/app/main/']);
  });

  test('ends with the error of the first refused deletion, after the deletions in flight', async () => {
    for (let at = 0; at < 40; at++) bucket.put(nameOf(String(at)), 1);
    let attempts = 0;
    const refuse: Step = async operation => {
      if (operation !== 'delete') return;
      attempts++;
      throw new StoreRefusedError('access is denied', []);
    };
    await expect(prune({ rules: { all: true } }, refuse)).rejects.toThrow('access is denied');
    expect(attempts).toBeLessThanOrEqual(8);
  });

  test('deletes and reports caches without the right to delete markers, and counts the markers that stay', async () => {
    for (const key of ['a', 'b', 'c']) bucket.put(nameOf(key), 1);
    for (const key of ['a', 'b']) bucket.put(markerOf(key), 0);
    const refuse: Step = async (operation, name) => {
      if (operation === 'delete' && name.startsWith('p/used/'))
        throw new StoreRefusedError('access is denied', []);
    };
    const deleted: string[] = [];
    const onDeletion = ({ entry }: Deletion) => void deleted.push(entry.key);
    expect(await prune({ rules: { all: true }, onDeletion }, refuse)).toMatchObject({
      deletedCaches: 3,
      refusedLeftovers: 2,
    });
    expect(deleted.toSorted()).toEqual(['a', 'b', 'c']);
    expect(names()).toEqual([markerOf('a'), markerOf('b')]);
  });

  test('reports a deleted cache also if the deletion of its marker fails, and ends with the failure', async () => {
    bucket.put(nameOf('a'), 1);
    bucket.put(markerOf('a'), 0);
    const fail: Step = async (operation, name) => {
      if (operation === 'delete' && name === markerOf('a')) throw new Error('connection reset');
    };
    const deleted: string[] = [];
    const onDeletion = ({ entry }: Deletion) => void deleted.push(entry.key);
    await expect(prune({ rules: { all: true }, onDeletion }, fail)).rejects.toThrow('connection reset');
    expect(deleted).toEqual(['a']);
  });

  test('decides as its dry run about a cache whose marker has content, and leaves that object', async () => {
    bucket.put(nameOf('a'), 1);
    bucket.nowMs += 20 * DAY;
    bucket.put(markerOf('a'), 7);
    const decided = { deletedCaches: 1, changed: 0 };
    expect(await prune({ rules: { unusedMs: 7 * DAY }, dryRun: true })).toMatchObject(decided);
    expect(await prune({ rules: { unusedMs: 7 * DAY } })).toMatchObject(decided);
    expect(names()).toEqual([markerOf('a')]);
  });

  test('ends with the reason of its signal', async () => {
    bucket.put(nameOf('a'), 1);
    const controller = new AbortController();
    const stop = once('head', nameOf('a'), () => controller.abort(new Error('interrupted')));
    const ended = prune({ rules: { all: true }, signal: controller.signal }, stop);
    await expect(ended).rejects.toThrow('interrupted');
    expect(names()).toEqual([nameOf('a')]);
  });

  test('ends and reports the deletion that is in flight at an interrupt, with its marker, and begins no other', async () => {
    for (let i = 0; i < 20; i++) bucket.put(nameOf(`k${i}`), 1);
    bucket.put(markerOf('k0'), 0);
    const controller = new AbortController();
    const stop = once('delete', nameOf('k1'), () => controller.abort(new Error('interrupted')));
    const deleted: string[] = [];
    const onDeletion = ({ entry }: Deletion) => void deleted.push(entry.object.name);
    const ended = prune({ rules: { all: true }, signal: controller.signal, onDeletion }, stop);
    await expect(ended).rejects.toThrow('interrupted');
    expect(deleted).toContain(nameOf('k1'));
    expect(deleted.length).toBeLessThanOrEqual(8);
    const remaining = names().filter(name => name.startsWith('p/v1/'));
    expect(remaining).toHaveLength(20 - deleted.length);
    expect(names().includes(markerOf('k0'))).toBe(!deleted.includes(nameOf('k0')));
  });
});
