import { describe, expect, test } from 'vitest';
import { cachesRoot, markersRoot } from '../../../src/cache/keys/cache-names.ts';
import { checkServer } from '../../../src/command/doctor/check-server.ts';
import { createS3Settings } from '../../storage/s3/support.ts';
import { collect } from '../../support/collect.ts';
import { refusal } from '../../support/servers/memory-server.ts';
import { silentLog } from '../../support/silent-log.ts';
import { bucketPlace, places } from '../places.ts';

describe.each(places)('doctor on %s', (_, place) => {
  test('prints a table, ends with status 0, and leaves no object', async () => {
    const { store, run } = await place();
    const { stdout, stderr, exitCode } = await run('doctor');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/\n\nCHECK +RESULT +FOUND\n/);
    expect(stdout).toMatch(/^conditions +ok +an object is not replaced$/m);
    expect(await collect(store.list(''))).toEqual([]);
  });
});

test('doctor prints one JSON document and ends with status 1 for a server that refuses', async () => {
  const { server, run } = await bucketPlace();
  server.takeover = operation => (operation === 'PutObject' ? refusal(403, 'AccessDenied') : undefined);
  const { stdout, stderr, exitCode } = await run('doctor', '--json');
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^cache-s3: A check of bucket bucket at http:.* failed: put\.\n$/);
  const { checks } = JSON.parse(stdout);
  expect(checks.find(({ check }: { check: string }) => check === 'put')).toMatchObject({
    result: 'failed',
    fix: expect.stringContaining('s3:PutObject'),
  });
});

test('doctor names the trial objects that it cannot delete, and prune deletes them after a day', async () => {
  const { server, store, run } = await bucketPlace();
  server.takeover = operation => (operation === 'DeleteObject' ? refusal(403, 'AccessDenied') : undefined);
  const { stdout, exitCode } = await run('doctor', '--repository', 'org/app', '--json');
  expect(exitCode).toBe(0);
  const { checks } = JSON.parse(stdout);
  const { meaning } = checks.find(({ check }: { check: string }) => check === 'delete');
  const remaining = (await collect(store.list(''))).map(({ name }) => name);
  expect(remaining).toHaveLength(7);
  for (const name of remaining) expect(meaning).toContain(name);
  server.takeover = () => undefined;
  // The clock of the server has whole seconds
  const yesterday = new Date(Date.now() - 86_400_000 - 2000);
  const { objects } = server.content;
  for (const [name, object] of objects) objects.set(name, { ...object, modified: yesterday });
  expect((await run('prune')).stdout).toContain('Deleted 7 trial objects of cache-s3 doctor.\n');
  expect(await collect(store.list(''))).toEqual([]);
});

test.each(['GetObject', 'UploadPart', 'UploadPartCopy'])(
  'doctor that is interrupted at %s leaves no object and no upload, and reports no failure',
  async interrupted => {
    const { server, store } = await bucketPlace();
    const controller = new AbortController();
    const reason = new Error('interrupted');
    server.takeover = operation => {
      if (operation === interrupted) controller.abort(reason);
      return undefined;
    };
    const results: string[] = [];
    const prefixes = { caches: cachesRoot('p', 'org/app'), markers: markersRoot('p', 'org/app') };
    const settings = createS3Settings({ endpoint: new URL(server.endpoint) });
    const { signal } = controller;
    const checking = checkServer({ settings, prefixes, log: silentLog, signal }, ({ result }) => {
      signal.throwIfAborted();
      results.push(result);
    });
    await expect(checking).rejects.toBe(reason);
    expect(new Set(results)).toEqual(new Set(['ok']));
    expect(await collect(store.list(''))).toEqual([]);
    expect(await collect(store.unfinishedUploads('', 0))).toEqual([]);
  },
);

test('doctor --repository makes no call outside of the place of the repository', async () => {
  const { server, run } = await bucketPlace();
  const outside: string[] = [];
  server.takeover = (operation, { url = '' }) => {
    const { pathname, searchParams } = new URL(url, 'http://server');
    const name = searchParams.get('prefix') ?? decodeURIComponent(pathname.replace('/bucket/', ''));
    if (!/^cache-s3\/(?:used\/v1\/~|v1)\/org\/app\/refs=2Fheads=2Fmain\//.test(name)) {
      outside.push(`${operation} ${name}`);
    }
    return undefined;
  };
  const ended = await run('doctor', '--repository', 'org/app', '--scope', 'refs/heads/main');
  expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  expect(outside).toEqual([]);
  expect(await run('doctor', '--scope', 'refs/heads/main')).toMatchObject({
    exitCode: 1,
    stderr: 'cache-s3: --scope is the scope of a repository: use it with --repository.\n',
  });
});
