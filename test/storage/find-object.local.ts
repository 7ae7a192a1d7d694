import { utimesSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { matchOrder } from '../../src/cache/keys/match-order.ts';
import { spacesOf } from '../../src/cache/keys/scope.ts';
import { silentLog } from '../../src/report/log.ts';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../src/storage/directory/file-names.ts';
import { findObject } from '../../src/storage/find-object.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { scratch } from '../archive/support/scratch.ts';
import { lookupRequest } from '../support/requests.ts';

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
    const name = spaces([ref], version).write.objectName(key);
    const upload = store.createUpload(name, { partSizeBytes: 5_242_880, onlyIfAbsent: false });
    await upload.write(Buffer.from(`${ref} ${key}`));
    await upload.complete();
    const seconds = Date.now() / 1000 - 60 * (saved.length - index);
    utimesSync(path.join(root, objectPath(name)), seconds, seconds);
  }
  return store;
}

function spaces(readRefs: readonly string[], version = VERSION) {
  return spacesOf({
    scope: 'ref',
    prefix: 'ci',
    version,
    repository: 'o/r',
    readRefs,
    writeRef: readRefs[0]!,
  });
}

interface Question {
  readonly key: string;
  readonly restoreKeys?: readonly string[];
  readonly refs?: readonly string[];
}

async function ask(store: ObjectStore, { key, restoreKeys = [], refs = [MAIN] }: Question, tailBytes = 0) {
  const plan = matchOrder(spaces(refs).read, key, restoreKeys);
  return findObject(
    store,
    lookupRequest({ primaryKey: key, restoreKeys, version: VERSION, plan }),
    tailBytes,
  );
}

/** `key` or, where several refs are asked, `ref key`; undefined: a miss. */
async function keyFound(saved: readonly Saved[], question: Question): Promise<string | undefined> {
  const found = await ask(await storeOf(saved), question);
  if (found.kind === 'miss') return undefined;
  if (!question.refs) return found.key;
  const ref = question.refs.find(one => spaces([one]).write.parse(found.name));
  return `${ref} ${found.key}`;
}

describe('the order of matches', () => {
  test.each<[string, readonly string[], Question, string | undefined]>([
    ['an exact key wins over a newer one that it begins', ['col-1', 'col-10'], { key: 'col-1' }, 'col-1'],
    ['a key that it begins is a match, under its own name', ['col-10'], { key: 'col-1' }, 'col-10'],
    ['of several the newest', ['k-a', 'k-c', 'k-b'], { key: 'k-' }, 'k-b'],
    ['a restore-key', ['go-1'], { key: 'go-2', restoreKeys: ['go-'] }, 'go-1'],
    [
      'an earlier restore-key wins over a newer match of a later one',
      ['go-x-1', 'go-y-1'],
      { key: 'z', restoreKeys: ['go-x-', 'go-'] },
      'go-x-1',
    ],
    [
      'a prefix of the key itself wins over restore-keys',
      ['key-1', 'go-1'],
      { key: 'key', restoreKeys: ['go-'] },
      'key-1',
    ],
    ['a restore-key is no suffix', ['x-go-1'], { key: 'z', restoreKeys: ['go-'] }, undefined],
    ['a restore-key that is a whole key', ['go'], { key: 'z', restoreKeys: ['go'] }, 'go'],
    ['an empty restore-key takes anything', ['b', 'a'], { key: 'z', restoreKeys: [''] }, 'a'],
    ['case counts', ['Key'], { key: 'key', restoreKeys: ['KEY'] }, undefined],
    ['nothing', [], { key: 'k', restoreKeys: ['k'] }, undefined],
  ])('%s', async (_, keys, question, expected) => {
    const saved = keys.map(key => ({ key }));
    expect(await keyFound(saved, question)).toBe(expected);
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
  ])('the odd key %j is found as itself and by its beginning, and is not its neighbour', async key => {
    const store = await storeOf([{ key }, { key: `${key}-longer` }, { key: 'other' }]);
    expect(await ask(store, { key })).toMatchObject({ key });
    expect(await ask(store, { key: 'none', restoreKeys: [key] })).toMatchObject({ key: `${key}-longer` });
  });
});

describe('places', () => {
  const refs = [BRANCH, MAIN];
  test.each<[string, readonly Saved[], Question, string | undefined]>([
    [
      'the nearer of two exact ones',
      [{ key: 'k', ref: BRANCH }, { key: 'k' }],
      { key: 'k', refs },
      `${BRANCH} k`,
    ],
    [
      'a nearer restore-key wins over an exact one further away',
      [{ key: 'k-1', ref: BRANCH }, { key: 'k' }],
      { key: 'k', restoreKeys: ['k-'], refs },
      `${BRANCH} k-1`,
    ],
    [
      'the further one where the nearer has nothing',
      [{ key: 'other', ref: BRANCH }, { key: 'k' }],
      { key: 'k', refs },
      `${MAIN} k`,
    ],
    [
      'a further restore-key as well',
      [{ key: 'k-1' }],
      { key: 'k', restoreKeys: ['k-'], refs },
      `${MAIN} k-1`,
    ],
    [
      'a place that is not asked is not found',
      [{ key: 'k', ref: 'refs/heads/foreign' }],
      { key: 'k', restoreKeys: [''], refs },
      undefined,
    ],
    [
      'a ref that begins another is another',
      [{ key: 'k', ref: `${MAIN}-2` }],
      { key: 'k', restoreKeys: [''] },
      undefined,
    ],
  ])('%s', async (_, saved, question, expected) => {
    expect(await keyFound(saved, question)).toBe(expected);
  });
});

describe('versions', () => {
  const other = 'b'.repeat(64);

  test('of other paths are no match, and are told', async () => {
    const store = await storeOf([
      { key: 'k', version: other },
      { key: 'k-1', version: other },
    ]);
    expect(await ask(store, { key: 'k', restoreKeys: ['k'] })).toEqual({
      kind: 'miss',
      diagnosis: "The key 'k' exists, but it was saved with other paths or on another operating system.",
    });
  });

  test('an older entry of our own wins over a newer one of others', async () => {
    const store = await storeOf([{ key: 'k-1' }, { key: 'k-2', version: other }]);
    expect(await ask(store, { key: 'z', restoreKeys: ['k-'] })).toMatchObject({ key: 'k-1' });
  });
});

test('all pages are read: the newest of 1,100, wherever it sorts', async () => {
  const keys = Array.from({ length: 1100 }, (_, index) => `k-${String(index).padStart(5, '0')}`);
  const saved = [...keys.slice(551), ...keys.slice(0, 551)].map(key => ({ key }));
  expect(await keyFound(saved, { key: 'k-' })).toBe('k-00550');
});

describe('requests', () => {
  /** What is asked of the store, in order. */
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

  test('an exact hit in the first place lists nothing, and brings its last bytes along', async () => {
    const { store, calls } = watched(await storeOf([{ key: 'k' }, { key: 'k-1' }]));
    const found = await ask(store, { key: 'k', restoreKeys: ['k-'], refs: [MAIN, BRANCH] }, 4);
    if (found.kind === 'miss') return expect.fail('it is a miss');
    expect(calls.map(call => call.split(' ')[0])).toEqual(['getRange', 'getRange']);
    expect(Buffer.from(found.tail!.bytes).toString()).toBe('in k');
    expect(found.tail!.start).toBe(found.sizeBytes - 4);
  });

  test('without tails the object is only looked at', async () => {
    const { store, calls } = watched(await storeOf([{ key: 'k' }]));
    expect(await ask(store, { key: 'k' })).toMatchObject({ key: 'k', tail: undefined });
    expect(calls.map(call => call.split(' ')[0])).toEqual(['head']);
  });

  test('a failing question fails the lookup, unless an earlier answer has settled it', async () => {
    const base = await storeOf([{ key: 'k' }]);
    const failing = new Proxy(base, {
      get: (target, property) => {
        const value = Reflect.get(target, property, target);
        if (property !== 'head') return typeof value === 'function' ? value.bind(target) : value;
        return (name: string) =>
          name.includes('branch') ? Promise.reject(new Error('down')) : value.call(target, name);
      },
    });
    expect(await ask(failing, { key: 'k', refs: [MAIN, BRANCH] })).toMatchObject({ key: 'k' });
    await expect(ask(failing, { key: 'k', refs: [BRANCH, MAIN] })).rejects.toThrow('down');
  });
});
