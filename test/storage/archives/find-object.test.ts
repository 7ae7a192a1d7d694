import { describe, expect, test, vi } from 'vitest';
import { placesOf } from '../../../src/cache/keys/scope.ts';
import { findObject } from '../../../src/storage/archives/find-object.ts';
import type { LookupRequest } from '../../../src/storage/backend.ts';
import type { ListOptions, ObjectInfo, ObjectStore } from '../../../src/storage/object-store.ts';
import { StoreRefusedError } from '../../../src/storage/store-errors.ts';
import { createLookupRequest } from '../../support/requests.ts';

const version = 'a'.repeat(64);
const otherVersion = 'b'.repeat(64);
const repository = 'p/v1/octo/app/';

/** Spells the object of `key` as another run would store it. */
function objectOf(place: string, key: string, its = version): string {
  return `${repository}${place}/${key}/${its}.tar.zst`;
}
const feature = 'refs=2Fheads=2Ffeature';
const main = 'refs=2Fheads=2Fmain';

function request(restoreKeys: readonly string[] = [], scope: 'ref' | 'repository' = 'ref'): LookupRequest {
  const { read, elsewhere } = placesOf({
    ...{ scope, prefix: 'p', version, repository: 'octo/app' },
    ...{ readRefs: ['refs/heads/topic', 'refs/heads/main'], writeRef: 'refs/heads/topic' },
  });
  return createLookupRequest({
    primaryKey: 'k',
    restoreKeys,
    version,
    places: read,
    ...(elsewhere && { elsewhere }),
  });
}

interface Call {
  readonly operation: 'head' | 'list' | 'optional list';
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/** A store with objects of these names. `respond` runs before each response. */
function storeWith(names: readonly string[], respond = async (_call: Call) => {}) {
  const calls: Call[] = [];
  const info = (name: string): ObjectInfo => ({ name, sizeBytes: 1, etag: 'e', modifiedMs: 1 });
  const store: Partial<ObjectStore> = {
    kind: 's3',
    async head(name, options) {
      const call = { operation: 'head', name, signal: options?.signal } as const;
      calls.push(call);
      await respond(call);
      return names.includes(name) ? info(name) : undefined;
    },
    async *list(name, options?: ListOptions) {
      const operation = options?.optional ? 'optional list' : 'list';
      const call = { operation, name, signal: options?.signal } as const;
      calls.push(call);
      await respond(call);
      yield* names.filter(one => one.startsWith(name)).map(info);
    },
  };
  return { calls, store: store as ObjectStore };
}

/** The diagnosis of a request that ends in a miss, and the calls that it took. */
async function diagnosis(names: readonly string[], asking = request()) {
  const { store, calls } = storeWith(names);
  const outcome = await findObject(store, asking, 0);
  if (outcome.kind !== 'miss') return expect.fail('it is no miss');
  return { line: outcome.diagnosis, operations: calls.map(({ operation }) => operation) };
}

describe('the diagnosis of a miss names', () => {
  test.each([
    [
      'another ref that has the key',
      [objectOf(feature, 'k')],
      "The key 'k' exists for refs/heads/feature, which this run does not read (input `scope`).",
    ],
    [
      'the scope that all refs share',
      [objectOf('_', 'k')],
      "The key 'k' exists for scope 'repository', which this run does not read (input `scope`).",
    ],
    [
      'both scope and version if both differ',
      [objectOf(feature, 'k', otherVersion)],
      "The key 'k' exists for refs/heads/feature, which this run does not read (input `scope`), and it was saved with other paths or on another operating system.",
    ],
    [
      'the scope with the same version first',
      [objectOf('refs=2Fheads=2Fa', 'k', otherVersion), objectOf(feature, 'k')],
      "The key 'k' exists for refs/heads/feature, which this run does not read (input `scope`).",
    ],
    [
      'only the version if a scope that is read has the key',
      [objectOf(feature, 'k'), objectOf(main, 'k', otherVersion)],
      "The key 'k' exists, but it was saved with other paths or on another operating system.",
    ],
    ['nothing for a longer key', [objectOf(feature, 'k2')], undefined],
    ['nothing of another repository', [`v1/octo/application/${feature}/k/${version}.tar.zst`], undefined],
    [
      'nothing for a name of another program',
      [`${repository}${feature}/k/notes.txt`, `${repository}k`],
      undefined,
    ],
  ])('%s', async (_, names, line) => {
    expect((await diagnosis(names)).line).toBe(line);
  });
});

describe('the diagnosis of a miss costs', () => {
  test('one optional listing, sent along with the others', async () => {
    const { operations } = await diagnosis([objectOf(feature, 'k')], request(['r-']));
    expect(operations).toEqual(['head', 'head', 'list', 'list', 'list', 'list', 'optional list']);
  });

  test('nothing under a wider scope', async () => {
    const { operations, line } = await diagnosis([objectOf(feature, 'k')], request([], 'repository'));
    expect(operations).toEqual(['head', 'list']);
    expect(line).toBeUndefined();
  });

  test.each([
    ['on the own ref', 'refs=2Fheads=2Ftopic'],
    ['on the default branch', main],
  ])('nothing for an exact hit %s', async (_, place) => {
    const { store, calls } = storeWith([objectOf(place, 'k')]);
    expect(await findObject(store, request(), 0)).toMatchObject({ key: 'k' });
    expect(calls.map(({ operation }) => operation)).not.toContain('optional list');
  });

  test('a partial hit no wait, and its listing is aborted', async () => {
    const { store, calls } = storeWith([objectOf(main, 'k-old')], async ({ operation, signal }) => {
      if (operation === 'optional list')
        await new Promise((_, reject) => signal?.addEventListener('abort', reject));
    });
    expect(await findObject(store, request(['k-']), 0)).toMatchObject({ key: 'k-old' });
    expect(calls.find(({ operation }) => operation === 'optional list')?.signal?.aborted).toBe(true);
  });
});

describe('the listing for a diagnosis', () => {
  test('may be refused, and the miss has no diagnosis then', async () => {
    const { store } = storeWith([objectOf(feature, 'k')], async ({ operation }) => {
      if (operation === 'optional list') throw new StoreRefusedError('403', { input: 'accessKey' });
    });
    expect(await findObject(store, request(), 0)).toEqual({ kind: 'miss', diagnosis: undefined });
  });

  test('is given up after its time limit', async () => {
    const limit = new AbortController();
    vi.spyOn(AbortSignal, 'timeout').mockReturnValue(limit.signal);
    const { store } = storeWith([], async ({ operation, signal }) => {
      if (operation !== 'optional list') return;
      const givenUp = new Promise((_, reject) => signal?.addEventListener('abort', reject));
      limit.abort(new Error('too slow'));
      await givenUp;
    });
    expect(await findObject(store, request(), 0)).toEqual({ kind: 'miss', diagnosis: undefined });
    expect(AbortSignal.timeout).toHaveBeenCalledWith(2000);
  });
});
