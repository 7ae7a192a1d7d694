import { utimesSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { placesOf } from '../../../src/cache/keys/scope.ts';
import { findObject } from '../../../src/storage/archives/find-object.ts';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import type { ObjectInfo, ObjectStore } from '../../../src/storage/object-store.ts';
import { override } from '../../support/override.ts';
import { putObject } from '../../support/put-object.ts';
import { createLookupRequest } from '../../support/requests.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const VERSION = 'a'.repeat(64);
const MAIN = 'refs/heads/main';
const BRANCH = 'refs/heads/branch';

interface Saved {
  readonly key: string;
  readonly ref?: string;
  readonly version?: string;
}

/** A store in which these entries have been saved one after the other, the last one a minute ago. */
async function storeOf(saved: readonly Saved[]) {
  const root = scratch();
  const store = createDirectoryStore(root, { log: silentLog });
  for (const [index, { key, ref = MAIN, version = VERSION }] of saved.entries()) {
    const name = places([ref], version).write.objectName(key);
    await putObject(store, name, `${ref} ${key}`);
    const seconds = Date.now() / 1000 - 60 * (saved.length - index);
    utimesSync(path.join(root, objectPath(name)), seconds, seconds);
  }
  return store;
}

function places(readRefs: readonly string[], version = VERSION) {
  return placesOf({
    scope: 'ref',
    prefix: 'ci',
    version,
    repository: 'o/r',
    readRefs,
    writeRef: readRefs[0]!,
  });
}

interface Wanted {
  readonly key: string;
  readonly restoreKeys?: readonly string[];
  readonly refs?: readonly string[];
}

async function find(store: ObjectStore, { key, restoreKeys = [], refs = [MAIN] }: Wanted, tailBytes = 0) {
  const { read } = places(refs);
  return findObject(
    store,
    createLookupRequest({ primaryKey: key, restoreKeys, version: VERSION, places: read }),
    tailBytes,
  );
}

/** Returns `key` or, with several refs, `ref key`; undefined for a miss. */
async function keyFound(saved: readonly Saved[], wanted: Wanted): Promise<string | undefined> {
  const found = await find(await storeOf(saved), wanted);
  if (found.kind === 'miss') return undefined;
  if (!wanted.refs) return found.key;
  const ref = wanted.refs.find(one => places([one]).write.parse(found.name));
  return `${ref} ${found.key}`;
}

test.each([
  ['no ETag', { etag: '' }],
  ['a size that is no number', { sizeBytes: Number.NaN }],
])('a match whose listing has %s gets that of the object', async (_, wrong) => {
  const store = await storeOf([{ key: 'go-1' }]);
  const listed: ObjectInfo[] = [];
  async function* list(...args: Parameters<ObjectStore['list']>) {
    for await (const info of store.list(...args)) {
      listed.push(info);
      yield { ...info, ...wrong };
    }
  }
  const without = { ...store, head: store.head.bind(store), getRange: store.getRange.bind(store), list };
  const found = await find(without, { key: 'go' });
  const { etag, sizeBytes } = listed[0]!;
  expect(found).toMatchObject({ key: 'go-1', etag, sizeBytes });
});

describe('a lookup in one scope finds', () => {
  test.each<[string, readonly string[], Wanted, string | undefined]>([
    ['an exact match before a newer key that it begins', ['col-1', 'col-10'], { key: 'col-1' }, 'col-1'],
    ['a key that begins with the requested one', ['col-10'], { key: 'col-1' }, 'col-10'],
    ['the newest of several matches', ['k-a', 'k-c', 'k-b'], { key: 'k-' }, 'k-b'],
    ['a match of a restore-key', ['go-1'], { key: 'go-2', restoreKeys: ['go-'] }, 'go-1'],
    [
      'a match of an earlier restore-key before a newer one of a later restore-key',
      ['go-x-1', 'go-y-1'],
      { key: 'z', restoreKeys: ['go-x-', 'go-'] },
      'go-x-1',
    ],
    [
      'a key that begins with the primary key before a match of a restore-key',
      ['key-1', 'go-1'],
      { key: 'key', restoreKeys: ['go-'] },
      'key-1',
    ],
    [
      'nothing for a restore-key that is inside a key',
      ['x-go-1'],
      { key: 'z', restoreKeys: ['go-'] },
      undefined,
    ],
    ['a key that equals a restore-key', ['go'], { key: 'z', restoreKeys: ['go'] }, 'go'],
    ['any key for an empty restore-key', ['b', 'a'], { key: 'z', restoreKeys: [''] }, 'a'],
    ['nothing for a key in another case', ['Key'], { key: 'key', restoreKeys: ['KEY'] }, undefined],
    ['nothing where nothing is saved', [], { key: 'k', restoreKeys: ['k'] }, undefined],
  ])('%s', async (_, keys, wanted, expected) => {
    const saved = keys.map(key => ({ key }));
    expect(await keyFound(saved, wanted)).toBe(expected);
  });

  test.each([
    'with blank',
    'a#b',
    'a?b',
    'ü',
    '%41',
    'a%2Fb',
    'a/b',
    '../up',
    '.',
    '..',
    "it's",
    'a+b',
    'a=b',
    '日本',
    '\u{1f4a9}',
    'UPPER',
    'a&b<c>',
  ])('an odd key %j is found by itself and by its beginning', async key => {
    const store = await storeOf([{ key }, { key: `${key}-longer` }, { key: 'other' }]);
    expect(await find(store, { key })).toMatchObject({ key });
    expect(await find(store, { key: 'none', restoreKeys: [key] })).toMatchObject({ key: `${key}-longer` });
  });
});

describe('a lookup in several scopes finds', () => {
  const refs = [BRANCH, MAIN];
  test.each<[string, readonly Saved[], Wanted, string | undefined]>([
    [
      'the nearer of two exact matches',
      [{ key: 'k', ref: BRANCH }, { key: 'k' }],
      { key: 'k', refs },
      `${BRANCH} k`,
    ],
    [
      'a nearer match of a restore-key before a further exact one',
      [{ key: 'k-1', ref: BRANCH }, { key: 'k' }],
      { key: 'k', restoreKeys: ['k-'], refs },
      `${BRANCH} k-1`,
    ],
    [
      'a further match if the nearer scope has none',
      [{ key: 'other', ref: BRANCH }, { key: 'k' }],
      { key: 'k', refs },
      `${MAIN} k`,
    ],
    [
      'a further match of a restore-key',
      [{ key: 'k-1' }],
      { key: 'k', restoreKeys: ['k-'], refs },
      `${MAIN} k-1`,
    ],
    [
      'nothing in a scope that the step does not read',
      [{ key: 'k', ref: 'refs/heads/foreign' }],
      { key: 'k', restoreKeys: [''], refs },
      undefined,
    ],
    [
      'nothing in a ref whose name begins with the name of this one',
      [{ key: 'k', ref: `${MAIN}-2` }],
      { key: 'k', restoreKeys: [''] },
      undefined,
    ],
  ])('%s', async (_, saved, wanted, expected) => {
    expect(await keyFound(saved, wanted)).toBe(expected);
  });
});

describe('a lookup', () => {
  const other = 'b'.repeat(64);

  test('does not match another version and names it in the diagnosis', async () => {
    const store = await storeOf([
      { key: 'k', version: other },
      { key: 'k-1', version: other },
    ]);
    expect(await find(store, { key: 'k', restoreKeys: ['k'] })).toEqual({
      kind: 'miss',
      diagnosis: "The key 'k' exists, but it was saved with other paths or on another operating system.",
    });
  });

  test('finds an older entry of its version before a newer one of another', async () => {
    const store = await storeOf([{ key: 'k-1' }, { key: 'k-2', version: other }]);
    expect(await find(store, { key: 'z', restoreKeys: ['k-'] })).toMatchObject({ key: 'k-1' });
  });
});

test('a control character in the requested key itself does not exclude the objects of that key', async () => {
  const saved = [{ key: 'line 1\nline 2-old' }, { key: 'line 1\nline 2-\nold' }];
  expect(await keyFound(saved, { key: 'none', restoreKeys: ['line 1\nline 2-'] })).toBe('line 1\nline 2-old');
});

test.each(['k-\n\n# heading\n', 'k-\r', 'k-\t', 'k-\u001b[31m', 'k-\u0085', 'k-\u2028', 'k-\u2029', 'k-\0'])(
  'a lookup ignores the listed key %j, which any writer of the bucket can have saved',
  async key => {
    const store = await storeOf([{ key: 'k-1' }, { key }]);
    expect(await find(store, { key: 'z', restoreKeys: ['k-'] })).toMatchObject({ key: 'k-1' });
    expect(await find(await storeOf([{ key }]), { key: 'z', restoreKeys: ['k-'] })).toMatchObject({
      kind: 'miss',
    });
  },
);

test('a lookup reads all pages and finds the newest of 1,100 entries', async () => {
  const keys = Array.from({ length: 1100 }, (_, index) => `k-${String(index).padStart(5, '0')}`);
  const saved = [...keys.slice(551), ...keys.slice(0, 551)].map(key => ({ key }));
  expect(await keyFound(saved, { key: 'k-' })).toBe('k-00550');
});

test('a lookup takes a match whose time is not known only if no other has one', async () => {
  const base = await storeOf([{ key: 'k-a' }, { key: 'k-b' }]);
  const store = override(base, {
    async *list(...given) {
      for await (const info of base.list(...given))
        yield info.name.includes('k-b') ? { ...info, modifiedMs: undefined } : info;
    },
  });
  expect(await find(store, { key: 'k-' })).toMatchObject({ key: 'k-a' });
  expect(await find(store, { key: 'k-b', restoreKeys: ['k-b'] })).toMatchObject({ key: 'k-b' });
});

describe('the requests of a lookup', () => {
  /** Records the calls of the store in order. */
  function watched(store: ObjectStore): { store: ObjectStore; calls: string[] } {
    const calls: string[] = [];
    const spy = new Proxy(store, {
      get: (target, property) => {
        const value = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          calls.push(`${String(property)} ${args[0]}`);
          return value.apply(target, args);
        };
      },
    });
    return { store: spy, calls };
  }

  test('do not list anything for an exact hit, which comes with its last bytes', async () => {
    const { store, calls } = watched(await storeOf([{ key: 'k' }, { key: 'k-1' }]));
    const found = await find(store, { key: 'k', restoreKeys: ['k-'], refs: [MAIN, BRANCH] }, 4);
    if (found.kind === 'miss') return expect.fail('it is a miss');
    expect(calls.map(call => call.split(' ')[0])).toEqual(['getRange', 'getRange']);
    expect(Buffer.from(found.tail!.bytes).toString()).toBe('in k');
    expect(found.tail!.start).toBe(found.sizeBytes - 4);
  });

  test('are one HEAD for an exact hit without its last bytes', async () => {
    const { store, calls } = watched(await storeOf([{ key: 'k' }]));
    expect(await find(store, { key: 'k' })).toMatchObject({ key: 'k', tail: undefined });
    expect(calls.map(call => call.split(' ')[0])).toEqual(['head']);
  });

  test('list a key once that is given twice', async () => {
    const { store, calls } = watched(await storeOf([]));
    await find(store, { key: 'k', restoreKeys: ['k', 'a', 'a'] });
    expect(calls.map(call => call.split('/').at(-1))).toEqual([`${VERSION}.tar.zst`, 'k', 'a']);
  });

  test('fail the lookup if one fails, unless an earlier match decides', async () => {
    const base = await storeOf([{ key: 'k' }]);
    const failing = override(base, {
      head: name => (name.includes('branch') ? Promise.reject(new Error('down')) : base.head(name)),
    });
    expect(await find(failing, { key: 'k', refs: [MAIN, BRANCH] })).toMatchObject({ key: 'k' });
    await expect(find(failing, { key: 'k', refs: [BRANCH, MAIN] })).rejects.toThrow('down');
  });
});
