import { chmodSync, chownSync, existsSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import { putFakeCaches } from '../../command/support.ts';
import { giveAway, runUnprivileged } from '../../support/drop-privileges.ts';
import { posix, requires, root } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';

const sourceUrl = (file: string) => new URL(`../../../src/${file}`, import.meta.url);

const ref = 'org/repo/refs=2Fheads=2Fmain/';
const directoryOf = (name: string) => objectPath(`${name}/x`).slice(0, -'/x%.zst'.length);
const caches = directoryOf(`cache-s3/v1/${ref}k`).slice(0, -2);
const markers = directoryOf(`cache-s3/used/v1/~/${ref}k`).slice(0, -2);

/** In seconds since 1970. */
const YEAR_2017 = 1_500_000_000;

/** Makes a store of an ordinary user with old caches `mine` and `other`, and their markers. Some of its directories get another mode. */
async function prepare(modes: Readonly<Record<string, number>>) {
  const parent = scratch();
  chmodSync(parent, 0o755);
  const root = path.join(parent, 'ci');
  const names = await putFakeCaches(createDirectoryStore(root, { log: silentLog }), [
    { key: 'mine', used: true },
    { key: 'other', used: true },
  ]);
  for (const name of names) utimesSync(path.join(root, objectPath(name)), YEAR_2017, YEAR_2017);
  await giveAway(root);
  for (const [directory, mode] of Object.entries(modes)) chmodSync(path.join(root, directory), mode);
  return { root, names };
}

interface Evaluated {
  readonly result?: unknown;
  readonly error?: string;
  readonly notices: readonly string[];
}

/** Evaluates an expression of `store` as an ordinary user. `keysOf` returns the keys of a listing. */
async function evaluate(root: string, expression: string): Promise<Evaluated> {
  const code = `
    import { createDirectoryStore } from ${JSON.stringify(sourceUrl('storage/directory/directory-store.ts').href)};
    const notices = [];
    const log = { debug() {}, notice: text => notices.push(text) };
    const store = createDirectoryStore(${JSON.stringify(root)}, { log });
    const keysOf = async listing => (await Array.fromAsync(listing)).map(({ name }) => name.split('/').at(-2));
    const output = await (async () => (${expression}))().then(
      result => ({ result, notices }),
      error => ({ error: error.name + ': ' + error.message, notices }),
    );
    console.log(JSON.stringify(output));`;
  const { stdout, stderr } = await runUnprivileged(['--input-type=module', '-e', code], { cwd: '/' });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Evaluated;
}

async function command(root: string, ...args: string[]) {
  const place = ['--endpoint', pathToFileURL(path.dirname(root)).href, '--bucket', path.basename(root)];
  return runUnprivileged([fileURLToPath(sourceUrl('command/main.ts')), ...args, ...place], { cwd: '/' });
}

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
      expect.stringMatching(/^Listings of the directory .* leave out what this user may not read, such as /),
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
    expect(stderr).toContain('leave out what this user may not read');
    expect(stdout).toContain('Deleted 1 cache of 1');
    expect(exitCode).toBe(0);
    chmodSync(path.join(root, caches, 'other'), 0o700);
    expect(names.map(name => existsSync(path.join(root, objectPath(name))))).toEqual([false, true]);
    expect(existsSync(path.join(root, markers, 'other'))).toBe(true);
  });

  test('the sweep removes old uploads beside it', async () => {
    const { root } = await prepare({});
    for (const key of ['mine', 'other']) placeUpload(root, key);
    chmodSync(path.join(root, caches, 'other'), 0);
    const expression =
      "[await keysOf(store.unfinishedUploads('', 0)), await store.abortStale('', 0, { isOwn: () => true })]";
    expect(await evaluate(root, expression)).toEqual({ result: [['mine'], 1], notices: [] });
  });

  test(
    'the sweep removes old uploads beside those that another user has made in a directory of its own',
    requires(root),
    async () => {
      const { root } = await prepare({});
      for (const key of ['mine', 'other']) placeUpload(root, key);
      chownSync(path.join(root, caches, 'other'), 0, 0);
      chmodSync(path.join(root, caches, 'other'), 0o755);
      expect((await evaluate(root, "store.abortStale('', 0, { isOwn: () => true })")).result).toBe(1);
      expect((await evaluate(root, "store.abortStale('', 0, { isOwn: () => true })")).error).toMatch(
        /^StoreRefusedError: .*EACCES/,
      );
    },
  );
});

function placeUpload(root: string, key: string): void {
  const file = path.join(root, caches, key, '%t0123456789abcdef,x.zst');
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  utimesSync(file, YEAR_2017, YEAR_2017);
}
