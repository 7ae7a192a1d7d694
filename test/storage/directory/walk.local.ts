import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import { removeEmptyDirectories } from '../../../src/storage/directory/walk.ts';
import { collect } from '../../support/collect.ts';
import { failed, insteadAsync } from '../../support/file-system-calls.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { caches, command, evaluate, markers, prepare, ref } from './denied-store.ts';
import { name, save, storeAt } from './save-object.ts';

describe('in a directory store with a directory that the user may not read', requires(posix), () => {
  const denied: readonly [string, number][] = [
    ['enter', 0o600],
    ['list', 0o100],
    ['enter or list', 0],
  ];

  test.each(denied)('a listing leaves out what the user may not %s, and reports it once', async (_, mode) => {
    const { root } = await prepare({ [`${caches}/other`]: mode });
    const listings = "[await keysOf(store.list('cache-s3/v1/')), await keysOf(store.list('cache-s3/v1/'))]";
    const { result, notices } = await evaluate(root, listings);
    expect(result).toEqual([['mine'], ['mine']]);
    expect(notices).toEqual([
      expect.stringMatching(/^Listings of the directory .* skip files that this user may not read, such as /),
    ]);
    expect(notices[0]).toContain(`${caches}/other`);
  });

  test('a listing with another prefix does not read it, and reports nothing', async () => {
    const { root } = await prepare({ [`${caches}/other`]: 0 });
    const prefix = `cache-s3/v1/${ref}mi`;
    expect(await evaluate(root, `keysOf(store.list('${prefix}'))`)).toEqual({
      result: ['mine'],
      notices: [],
    });
  });

  test('a listing of exactly this directory is refused', async () => {
    const { root } = await prepare({ [caches]: 0 });
    const { error, notices } = await evaluate(root, `keysOf(store.list('cache-s3/v1/${ref}mi'))`);
    expect(error).toMatch(/^StoreRefusedError: .*EACCES/);
    expect(notices).toEqual([]);
  });

  test('a listing for a diagnosis leaves it out without a notice', async () => {
    const { root } = await prepare({ [`${caches}/other`]: 0 });
    const expression = "keysOf(store.list('cache-s3/v1/', { optional: true }))";
    expect(await evaluate(root, expression)).toEqual({ result: ['mine'], notices: [] });
  });

  test.each(denied)('the listing of all markers is refused to a user who may not %s one', async (_, mode) => {
    const { root } = await prepare({ [`${markers}/other`]: mode });
    const expression = "keysOf(store.list('cache-s3/used/v1/', { whole: true }))";
    expect((await evaluate(root, expression)).error).toMatch(/^StoreRefusedError: .*EACCES/);
  });

  test('a prune that may not read a marker deletes nothing', async () => {
    const { root, names } = await prepare({ [`${markers}/other`]: 0 });
    const { exitCode, stderr } = await command(root, 'prune', '--max-age', '7d');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('the last use of the caches is not known, because the markers cannot be listed');
    for (const name of names) expect(existsSync(path.join(root, objectPath(name)))).toBe(true);
  });

  test('a prune that may not read a cache deletes the others, and keeps the marker of this one', async () => {
    const { root, names } = await prepare({ [`${caches}/other`]: 0 });
    const { exitCode, stdout, stderr } = await command(root, 'prune', '--max-age', '7d');
    expect(stderr).toContain('skip files that this user may not read');
    expect(stdout).toContain('Deleted 1 cache of 1');
    expect(exitCode).toBe(0);
    chmodSync(path.join(root, caches, 'other'), 0o700);
    expect(names.map(name => existsSync(path.join(root, objectPath(name))))).toEqual([false, true]);
    expect(existsSync(path.join(root, markers, 'other'))).toBe(true);
  });
});

test(
  'a listing has its objects beside directories deeper than a path of the system, and files with longer names',
  requires(posix),
  async () => {
    const root = scratch();
    await save(root);
    const longName = Array.from({ length: 60 }, () => 'n'.repeat(20)).join('/');
    mkdirSync(path.join(root, 'v1', longName), { recursive: true });
    writeFileSync(path.join(root, 'v1', longName, 'x.zst'), 'x');
    // A path over the limit can only be made from inside
    const deeper =
      "for (let i = 0; i < 500; i++) { fs.mkdirSync('dddddddddd'); process.chdir('dddddddddd'); }";
    execFileSync(process.execPath, ['-e', deeper], { cwd: path.join(root, 'v1') });
    for (const prefix of ['', 'v1/']) {
      expect((await collect(storeAt(root).list(prefix))).map(object => object.name)).toEqual([name]);
      expect(await collect(storeAt(root).unfinishedUploads(prefix, 0))).toEqual([]);
    }
    execFileSync('rm', ['-rf', path.join(root, 'v1')]);
  },
);

/** Makes the reads of directories that are stale fail until the test ends, each after `change`. */
function failReaddir(
  isStale: (directory: string) => boolean,
  change: (directory: string) => void = () => {},
): void {
  insteadAsync(
    'readdir',
    readdir =>
      ((directory: string, ...options: unknown[]) => {
        if (!isStale(directory)) return (readdir as CallableFunction)(directory, ...options);
        change(directory);
        return Promise.reject(failed('ESTALE', directory));
      }) as typeof readdir,
  );
}

test.each<[string, (directory: string) => void, readonly string[]]>([
  ['removes', directory => rmSync(directory, { recursive: true }), []],
  ['replaces', () => {}, [name]],
])(
  'a listing goes on when another host of a network mount %s a directory that is read',
  async (_, change, names) => {
    const root = scratch();
    await save(root);
    let reads = 0;
    failReaddir(directory => directory === path.join(root, 'v1') && reads++ === 0, change);
    expect((await collect(storeAt(root).list('v1/'))).map(object => object.name)).toEqual(names);
    expect(reads).toBe(2);
  },
);

test('a listing of a network mount that is stale fails, so that the store does not seem to be empty', async () => {
  const root = scratch();
  await save(root);
  failReaddir(() => true);
  await expect(collect(storeAt(root).list('v1/'))).rejects.toMatchObject({ name: 'StoreUnavailableError' });
});

test('empty directories are removed up to one that is not empty, and never the root', async () => {
  const root = scratch();
  const bare = scratch();
  mkdirSync(path.join(bare, 'a'));
  const make = (...names: string[]) => {
    const directory = path.join(root, ...names);
    mkdirSync(directory, { recursive: true });
    return directory;
  };
  writeFileSync(path.join(make('full'), 'file'), '');
  await removeEmptyDirectories(make('full', 'a', 'b'), root);
  expect(readdirSync(root, { recursive: true })).toEqual(['full', path.join('full', 'file')]);
  await removeEmptyDirectories(make('empty', 'a'), root);
  expect(readdirSync(root)).toEqual(['full']);
  await removeEmptyDirectories(bare, bare);
  await removeEmptyDirectories(path.join(bare, 'a'), bare);
  expect(readdirSync(bare)).toEqual([]);
  const other = scratch();
  await removeEmptyDirectories(other, root);
  expect(existsSync(other)).toBe(true);
});
