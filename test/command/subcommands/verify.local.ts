import { describe, expect, test } from 'vitest';
import { markerName } from '../../../src/cache/keys/cache-names.ts';
import { sentenceOf } from '../../../src/command/failure.ts';
import { verifyCaches } from '../../../src/command/subcommands/verify.ts';
import { putObject } from '../../support/put-object.ts';
import { refusal } from '../../support/servers/memory-server.ts';
import { bucketPlace, places } from '../places.ts';
import { saveTree } from '../saved-tree.ts';
import { invoke, putFakeCaches } from '../support.ts';

describe.each(places)('verify in %s', (_, place) => {
  test('finds no fault in sound caches', async () => {
    const { store } = await place();
    await saveTree(store);
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
      trialObjects: [],
      foreignObjects: [],
    });
  });

  test('finds a flipped byte in each frame, a cut object, a copy under another name, and stray markers', async () => {
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
    return refusal(403, 'AccessDenied');
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

test.each([
  [
    'is damaged if it is still listed',
    ['GetObject'],
    { damaged: [{ reason: 'the store lists it, but returns no data' }] },
  ],
  [
    'has changed if it was deleted meanwhile',
    ['GetObject', 'HeadObject'],
    { damaged: [], changedMeanwhile: 1 },
  ],
])('a cache without data %s', async (_, missing, expected) => {
  const { store, server } = await bucketPlace();
  await putFakeCaches(store, [{ key: 'k' }]);
  server.takeover = operation => (missing.includes(operation) ? refusal(404, 'NoSuchKey') : undefined);
  const { out } = await invoke(store, own => verifyCaches(own, { parallel: 1 }), { json: true });
  expect(JSON.parse(out)).toMatchObject({ caches: 1, changedMeanwhile: 0, ...expected });
});
