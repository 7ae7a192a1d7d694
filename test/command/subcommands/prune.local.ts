import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { listNames, putObject } from '../../support/put-object.ts';
import { refusal } from '../../support/servers/memory-server.ts';
import { bucketPlace, places } from '../places.ts';
import { putFakeCaches } from '../support.ts';

const namesIn = (store: ObjectStore) => listNames(store, 'cache-s3/');

describe.each(places)('%s', (_, open) => {
  test('prune deletes what is not used, and prints what and why', async () => {
    const { store, age, run } = await open();
    const [idle, used, young] = await putFakeCaches(store, [
      { key: 'idle', bytes: 2000 },
      { key: 'used', used: true },
      { key: 'young', ref: 'refs/pull/7/merge' },
    ]);
    for (const name of [idle!, used!]) age(name, 10.5);
    const before = await namesIn(store);
    const line = 'org/repo refs/heads/main idle (2.0 kB): not used for 10 d, over the limit of 7 d';

    const dry = await run('prune', '--unused', '7d', '--dry-run');
    expect(dry).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: `would delete ${line}\nWould delete 1 cache of 3, 2.0 kB of 2.0 kB.\n`,
    });
    expect(await namesIn(store)).toEqual(before);

    const { stdout, exitCode } = await run('prune', '--unused', '7d');
    expect({ stdout, exitCode }).toEqual({
      exitCode: 0,
      stdout: `deleted ${line}\nDeleted 1 cache of 3, 2.0 kB of 2.0 kB.\n`,
    });
    expect(await namesIn(store)).toEqual(before.filter(name => name !== idle));
    expect(before).toContain(young);
  });

  test('prune --scope deletes all caches of a pull request, and prints one JSON document', async () => {
    const { store, run } = await open();
    const [main] = await putFakeCaches(store, [
      { key: 'k' },
      { key: 'k', ref: 'refs/pull/7/merge', used: true },
      { key: 'k', ref: 'refs/pull/77/merge', repository: 'org/other' },
    ]);
    const { stdout, stderr } = await run(
      ...'prune --json --scope refs/pull/7* --repository org/repo'.split(' '),
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      dryRun: false,
      caches: 1,
      deletedCaches: 1,
      deleted: [{ key: 'k', scope: 'refs/pull/7/merge', repository: 'org/repo', reason: 'all' }],
    });
    expect(await namesIn(store)).toEqual([expect.stringContaining('org/other'), main]);
  });

  test('prune without a rule deletes only markers without a cache', async () => {
    const { store, run } = await open();
    const [name] = await putFakeCaches(store, [{ key: 'k', used: true }]);
    await store.delete(name!);
    await putFakeCaches(store, [{ key: 'other' }]);
    expect(await run('prune')).toMatchObject({
      stdout: 'Deleted 0 caches of 1, 0 B of 1 B.\nDeleted 1 marker without a cache.\n',
      stderr: 'No rule is given, so no cache is deleted, only leftovers: --help shows the rules.\n',
    });
    expect(await namesIn(store)).toHaveLength(1);
  });

  test('rm deletes the caches with a key, in all scopes or in those of an option, and the cache of an object', async () => {
    const { store, run } = await open();
    const fleet = [{ key: 'a' }, { key: 'a', ref: 'refs/heads/x', used: true }, { key: 'b' }, { key: 'c' }];
    const names = await putFakeCaches(store, fleet);
    expect((await run('rm', 'a', '--scope', 'refs/heads/x')).stdout).toBe(
      'deleted org/repo refs/heads/x a (1 B): selected\nDeleted 1 cache of 1, 1 B of 1 B.\n',
    );
    expect(await namesIn(store)).toHaveLength(3);
    expect((await run('rm', 'a', 'c', '--dry-run')).stdout).toMatch(
      /^would delete .* a .*\nwould delete .* c /,
    );
    expect(await namesIn(store)).toHaveLength(3);
    await run('rm', 'a', names.at(-1)!);
    expect(await namesIn(store)).toEqual([expect.stringContaining('/b/')]);
    expect(await run('rm', 'a')).toMatchObject({
      exitCode: 1,
      stderr: 'cache-s3: No cache matches, so nothing was deleted.\n',
    });
  });

  test('prune and rm touch no object that is no cache', async () => {
    const { store, age, run } = await open();
    const foreign = ['cache-s3/v1/org/README', 'cache-s3/used/v1/~/org/notes', 'cache-s3/used/v1/org/x.used'];
    for (const name of foreign) {
      await putObject(store, name, 'x');
      age(name, 100);
    }
    await run('prune', '--max-size', '0', '--max-age', '1d');
    await run('rm', '*');
    expect(await namesIn(store)).toEqual(foreign.toSorted());
  });
});

test('rm reports that a cache which the server lists does not exist', async () => {
  const { server, store, run } = await bucketPlace();
  await putFakeCaches(store, [{ key: 'lost' }]);
  server.takeover = operation => (operation === 'HeadObject' ? refusal(404) : undefined);
  expect(await run('rm', 'lost')).toMatchObject({
    exitCode: 1,
    stderr: 'cache-s3: Nothing was deleted: the caches that were listed do not exist or match any more.\n',
  });
});
