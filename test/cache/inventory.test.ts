import { expect, test } from 'vitest';
import { type InventoryItem, lastUseMs, readInventory } from '../../src/cache/inventory.ts';
import { markerName } from '../../src/cache/keys/cache-names.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { StoreRefusedError } from '../../src/storage/store-errors.ts';
import { collect } from '../support/collect.ts';

const version = 'ab'.repeat(32);
const cache = (path: string) => `p/v1/org/repo/${path}/${version}.tar.zst`;
const marker = (path: string) => markerName('p', cache(path))!;

/** A store that lists these names, each saved at its index in ms, and each with an ETag of its own. */
function listing(names: readonly string[], sort = true): ObjectStore {
  const objects = names.map<ObjectInfo>((name, index) => ({
    name,
    sizeBytes: name.endsWith('.used') ? 0 : 1,
    etag: `etag of ${name}`,
    modifiedMs: index,
  }));
  if (sort) objects.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return {
    async *list(prefix: string) {
      for (const object of objects) if (object.name.startsWith(prefix)) yield object;
    },
  } as Partial<ObjectStore> as ObjectStore;
}

async function itemsOf(store: ObjectStore, repository?: string): Promise<InventoryItem[]> {
  return collect(readInventory(store, { prefix: 'p', repository }));
}

/** A line for each item: its kind, name, and the ETag of its marker. */
function describeItems(items: readonly InventoryItem[]): string[] {
  return items.map(item => {
    const { name } = item.object;
    return item.kind === 'cache' ? `cache ${name} ${item.marker?.etag ?? '-'}` : `${item.kind} ${name}`;
  });
}

test('caches are listed with their markers, and markers without a cache are listed alone', async () => {
  const store = listing([
    cache('m/b'),
    cache('m/d'),
    cache('m/e'),
    marker('m/a'),
    marker('m/b'),
    marker('m/c'),
    marker('m/c2'),
    marker('m/e'),
    marker('m/f'),
  ]);
  const items = await itemsOf(store);
  expect(describeItems(items)).toEqual([
    `marker ${marker('m/a')}`,
    `cache ${cache('m/b')} etag of ${marker('m/b')}`,
    `marker ${marker('m/c')}`,
    `marker ${marker('m/c2')}`,
    `cache ${cache('m/d')} -`,
    `cache ${cache('m/e')} etag of ${marker('m/e')}`,
    `marker ${marker('m/f')}`,
  ]);
  expect(items[1]).toMatchObject({ repository: 'org/repo', scope: 'm', key: 'b', version });
  const stray = { repository: 'org/repo', scope: 'm', key: 'f', version, objectName: cache('m/f') };
  expect(items.at(-1)).toMatchObject({ kind: 'marker', cache: stray });
  const uses = items.flatMap(item => (item.kind === 'cache' ? [lastUseMs(item)] : []));
  expect(uses).toEqual([4, 1, 7]);
});

test('in random sets, each cache gets exactly the marker of its name', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    let state = seed;
    const random = (count: number) => {
      state = (state * 48271) % 2147483647;
      return state % count;
    };
    const paths = [...new Set(Array.from({ length: 12 }, () => `m/${'-.=Ab'[random(5)]}${random(4)}`))]
      .map(path => path.replace('=', '=2F'))
      .filter(path => markerName('p', cache(path)) !== undefined);
    const caches = paths.filter(() => random(2) === 0);
    const marked = paths.filter(() => random(2) === 0);
    const items = await itemsOf(listing([...caches.map(cache), ...marked.map(marker)]));
    const found = items.flatMap(item =>
      item.kind === 'cache' ? [[item.object.name, item.marker?.etag]] : [],
    );
    const expected = caches.map(path => [
      cache(path),
      marked.includes(path) ? `etag of ${marker(path)}` : undefined,
    ]);
    expect(found.sort()).toEqual(expected.sort());
    const stray = items.flatMap(item => (item.kind === 'marker' ? [item.cache.objectName] : []));
    expect(stray.sort()).toEqual(
      marked
        .filter(path => !caches.includes(path))
        .map(cache)
        .sort(),
    );
  }
});

test('objects that no release stores are foreign, wherever they are', async () => {
  const names = ['p/v1/README', 'p/v1/org/repo/m/\u{1f600}', `${cache('m/a')}.old`, 'p/used/v1/x', 'q/v1/x'];
  const items = await itemsOf(listing([...names, cache('m/a'), marker('m/a')]));
  expect(describeItems(items)).toEqual([
    'foreign p/v1/README',
    `cache ${cache('m/a')} etag of ${marker('m/a')}`,
    `foreign ${cache('m/a')}.old`,
    'foreign p/v1/org/repo/m/\u{1f600}',
  ]);
});

test('an object with content under the name of a marker is no marker', async () => {
  const own = listing([cache('m/a'), marker('m/a'), marker('m/b')]);
  const filled: ObjectStore = {
    ...own,
    async *list(prefix) {
      for await (const object of own.list(prefix)) yield { ...object, sizeBytes: 1 };
    },
  };
  expect(describeItems(await itemsOf(filled))).toEqual([`cache ${cache('m/a')} -`]);
});

test('one repository is read without the others', async () => {
  const other = `p/v1/org/repo2/m/a/${version}.tar.zst`;
  const shared = `p/v1/_/_/_/a/${version}.tar.zst`;
  const store = listing([cache('m/a'), other, shared]);
  expect((await itemsOf(store, 'org/repo')).map(({ object }) => object.name)).toEqual([cache('m/a')]);
  expect((await itemsOf(store, '')).map(({ object }) => object.name)).toEqual([shared]);
});

test('a listing that is not in order is refused, as caches would lose their markers', async () => {
  const caches = listing([cache('m/b'), cache('m/a')], false);
  await expect(itemsOf(caches)).rejects.toThrow('not in byte order');
  const markers = listing([cache('m/c'), marker('m/b'), marker('m/a')], false);
  await expect(itemsOf(markers)).rejects.toThrow('not in byte order');
});

/** Refuses the listing of the markers, at its beginning or its end. */
const withoutMarkers = (store: ObjectStore, atEnd = false): ObjectStore => ({
  ...store,
  async *list(prefix) {
    const isRefused = prefix.includes('/used/');
    if (atEnd || !isRefused) yield* store.list(prefix);
    if (isRefused) throw new StoreRefusedError('access is denied', []);
  },
});

test('a refused listing of the markers is an error, because each cache would pass for unused', async () => {
  const store = listing([cache('m/a')]);
  const refused = withoutMarkers(store);
  await expect(itemsOf(refused)).rejects.toThrow(StoreRefusedError);
  await expect(itemsOf(refused)).rejects.toThrow('the last use of the caches is not known');
});

test('a refused listing of the markers is one notice, and each cache is without a marker, if the caller can do without', async () => {
  const store = listing([cache('m/a'), cache('m/b')]);
  const refused = withoutMarkers(store);
  const refusals: Error[] = [];
  const onMarkersRefused = (error: Error) => refusals.push(error);
  const items = await collect(readInventory(refused, { prefix: 'p', onMarkersRefused }));
  expect(items).toMatchObject([
    { kind: 'cache', marker: undefined },
    { kind: 'cache', marker: undefined },
  ]);
  expect(refusals).toHaveLength(1);
});

test('a listing of the markers that is refused behind the last cache is a notice too', async () => {
  const store = listing([cache('m/a'), marker('m/b')]);
  const refused = withoutMarkers(store, true);
  const refusals: Error[] = [];
  const onMarkersRefused = (error: Error) => refusals.push(error);
  expect(await collect(readInventory(refused, { prefix: 'p', onMarkersRefused }))).toHaveLength(2);
  expect(refusals).toHaveLength(1);
});
