import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { markerName } from '../../src/cache/keys/cache-names.ts';
import { sentenceOf } from '../../src/command/failure.ts';
import { createDirectoryLayout, getCache } from '../../src/command/get.ts';
import type { Invocation } from '../../src/command/invocation.ts';
import { showCache } from '../../src/command/show.ts';
import { verifyCaches } from '../../src/command/verify.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CacheJob } from '../storage/incremental/job.ts';
import { incompressible } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { describeTree } from '../support/tree.ts';
import { bucketPlace, places } from './places.ts';
import { invoke, putFakeCaches, putObject } from './support.ts';

/** Saves a tree of two generations under `key-2`. Returns the job. */
async function saveTree(store: ObjectStore): Promise<CacheJob> {
  const job = new CacheJob({ store, directory: scratch(), prefix: 'cache-s3' });
  const tree = path.join(job.workspace, 'tree');
  mkdirSync(path.join(tree, 'sub'), { recursive: true });
  writeFileSync(path.join(tree, 'large'), incompressible(5_600_000));
  writeFileSync(path.join(tree, 'sub/b'), 'hello');
  symlinkSync('sub/b', path.join(tree, 'link'));
  await job.save('key-1');
  await job.restore('none', { restoreKeys: ['key-'] });
  writeFileSync(path.join(tree, 'a'), 'new');
  expect(await job.save('key-2')).toMatchObject({ kind: 'saved', reusedBytes: expect.any(Number) });
  return job;
}

describe.each(places)('in %s', (_, place) => {
  test('show prints the manifest of a cache, get restores it, and verify finds no fault', async () => {
    const { store } = await place();
    const job = await saveTree(store);

    const shown = await invoke(store, own => showCache(own, { files: 10 }, 'key-2'), { json: true });
    expect(shown.error).toBeUndefined();
    expect(JSON.parse(shown.out)).toMatchObject({
      key: 'key-2',
      repository: 'octo/app',
      paths: ['tree'],
      platform: process.platform,
      archive: { entries: 6, files: 3, directories: 2, symlinks: 1, fileBytes: 5_600_008, generations: 2 },
      largestFiles: [
        { name: './tree/large', bytes: 5_600_000 },
        { name: './tree/sub/b', bytes: 5 },
        { name: './tree/a', bytes: 3 },
      ],
    });
    const text = await invoke(store, own => showCache(own, { files: 1 }, job.objectName('key-1')));
    expect(text.out).toMatch(/^entries +2 files, 2 directories, 1 symlinks, 0 hard links$/m);
    expect(text.out).toMatch(/^generations +1$/m);
    expect(text.out).toMatch(/^LARGEST FILES +SIZE\n\.\/tree\/large +5\.6 MB\n$/m);

    const target = path.join(scratch(), 'new/target');
    const got = await invoke(store, own => getCache(own, {}, 'key-2', target));
    expect(got.error).toBeUndefined();
    expect(got.out).toMatch(/^Restored 6 entries \(5\.6 MB\) of 'key-2' to .*target in .* s\.\n$/);
    expect(await describeTree(target)).toEqual(await describeTree(job.workspace));

    const verified = await invoke(store, own => verifyCaches(own, { parallel: 2 }), { json: true });
    expect(verified.error).toBeUndefined();
    expect(JSON.parse(verified.out)).toEqual({
      caches: 2,
      bytes: expect.any(Number),
      damaged: [],
      unreadable: [],
      changedMeanwhile: 0,
      strayMarkers: [],
      unfinishedUploads: [],
      foreignObjects: [],
    });
  });

  test('show and get name a key that no cache has, and an object that is no archive', async () => {
    const { store } = await place();
    const job = new CacheJob({ store, directory: scratch(), prefix: 'cache-s3' });
    const name = job.objectName('broken');
    await putObject(store, name, Buffer.alloc(3000, 'x'));
    const target = path.join(scratch(), 'target');
    for (const subcommand of [
      (own: Invocation, key: string) => showCache(own, { files: 1 }, key),
      (own: Invocation, key: string) => getCache(own, {}, key, target),
    ]) {
      const none = await invoke(store, own => subcommand(own, 'none'), { json: true });
      expect(none.out).toBe('');
      expect(sentenceOf(none.error)).toMatch(
        /^No cache below cache-s3\/ in the store has the key 'none': .*\.$/,
      );
      for (const wanted of ['broken', name]) {
        const broken = await invoke(store, own => subcommand(own, wanted), { json: true });
        expect(broken.out).toBe('');
        expect(sentenceOf(broken.error)).toMatch(/seek table\.$/);
      }
    }
    expect(existsSync(target)).toBe(false);
  });

  test('verify finds a flipped byte in each frame, a cut object, a copy under another name, and stray markers', async () => {
    const { store } = await place();
    const job = await saveTree(store);
    const whole = await job.read('key-1');
    const put = (key: string, bytes: Uint8Array) => putObject(store, job.objectName(key), bytes);
    const { manifest } = await job.open('key-1');
    let start = 0;
    for (const [index, { size }] of manifest.frames.entries()) {
      const bytes = Buffer.from(whole);
      bytes[start + (size >> 1)]! ^= 1;
      // Under its own name: only the data differs
      await put('key-1', bytes);
      const { out, error } = await invoke(store, own => verifyCaches(own, { parallel: 1 }));
      expect(out).toContain(`frame ${index + 1} of ${manifest.frames.length} has a wrong SHA-256`);
      expect(sentenceOf(error)).toMatch(/^1 of 2 caches is damaged: /);
      start += size;
    }
    const manifests = await invoke(store, own => verifyCaches(own, { parallel: 1, manifests: true }));
    expect(manifests.error).toBeUndefined();
    await put('key-1', whole);
    await put('cut', whole.subarray(0, -1));
    await put('copied', whole);
    await store.putEmpty(markerName('cache-s3', job.objectName('deleted'))!);
    await store.putEmpty('cache-s3/v1/notes');
    const { out, error } = await invoke(store, own => verifyCaches(own, { parallel: 4 }), { json: true });
    const report = JSON.parse(out);
    expect(report.damaged.map(({ key }: { key: string }) => key).sort()).toEqual(['copied', 'cut']);
    expect(report).toMatchObject({
      caches: 4,
      strayMarkers: [markerName('cache-s3', job.objectName('deleted'))],
      foreignObjects: ['cache-s3/v1/notes'],
    });
    expect(sentenceOf(error)).toMatch(/^2 of 4 caches are damaged: /);
  });
});

test('verify lists uploads of its place only, and without the right to do so reports the rest', async () => {
  const { store, server } = await bucketPlace();
  await putFakeCaches(store, [{ key: 'k' }]);
  const asked: (string | null)[] = [];
  server.takeover = (operation, { url = '' }) => {
    if (operation !== 'ListMultipartUploads') return undefined;
    asked.push(new URL(url, 'http://server').searchParams.get('prefix'));
    return (_, to) => to.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
  };
  const options = { parallel: 1, repository: 'org/repo', scope: 'refs/heads/main' };
  const text = await invoke(store, own => verifyCaches(own, options));
  expect(text.out).toContain(
    'Unfinished uploads were not listed: the credentials do not allow it.\nVerified every',
  );
  expect(sentenceOf(text.error)).toMatch(/^1 of 1 caches is damaged/);
  const { out } = await invoke(store, own => verifyCaches(own, options), { json: true });
  expect(JSON.parse(out)).not.toHaveProperty('unfinishedUploads');
  expect(new Set(asked)).toEqual(new Set(['cache-s3/v1/org/repo/refs=2Fheads=2Fmain/']));
});

test('get keeps each kind of path of an archive apart, inside of the directory', () => {
  const names = ['./a', '~/a', '/a', 'C:/a', './', '/srv/x/'];
  const layout = createDirectoryLayout(path.resolve('/dir'), name => names.includes(name));
  const inDirectory = (...parts: string[]) => path.resolve('/dir', ...parts);
  expect(names.map(layout.toAbsolute)).toEqual([
    inDirectory('a'),
    inDirectory('_home', 'a'),
    inDirectory('_root', 'a'),
    inDirectory('_root', 'C', 'a'),
    inDirectory(),
    inDirectory('_root', 'srv', 'x'),
  ]);
  expect(names.every(layout.permits)).toBe(true);
  expect(layout.permits('/srv/')).toBe(false);
});
