import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { showStats } from '../../../src/command/stats/stats.ts';
import { scratch } from '../../support/scratch.ts';
import { bucketPlace, directoryPlace, places } from '../places.ts';
import { invoke, putFakeCaches } from '../support.ts';

const fleet = [
  { key: 'linux-npm-0123456789ab', bytes: 3000, used: true },
  { key: 'linux-npm-ba9876543210', bytes: 1000 },
  { key: 'x', ref: 'refs/pull/7/merge', bytes: 10 },
  { repository: 'org/other', key: 'y', bytes: 0 },
];

test.each(places)('stats of %s are the same as text, JSON and page', async (_, place) => {
  const { store } = await place();
  await putFakeCaches(store, fleet);
  const html = path.join(scratch(), 'stats.html');
  const { out, error } = await invoke(store, own => showStats(own, { top: 2, html }), { json: true });
  expect(error).toBeUndefined();
  expect(JSON.parse(out)).toMatchObject({
    caches: 4,
    bytes: 4010,
    withNotedUse: { caches: 1, bytes: 3000 },
    withUnknownTime: { caches: 0, bytes: 0 },
    repositories: [
      { name: 'org/repo', caches: 3, bytes: 4010 },
      { caches: 1, bytes: 0 },
    ],
    scopes: [
      { name: 'refs/heads/main', caches: 3 },
      { name: 'refs/pull/*', caches: 1 },
    ],
    keyPrefixes: [{ name: 'linux-npm-', caches: 2, bytes: 4000 }, { name: 'x' }],
  });
  const text = await invoke(store, own => showStats(own, { top: 1 }));
  expect(text.out).toMatch(/^the store, below cache-s3\/: 4 caches, 4\.0 kB$/m);
  expect(text.out).toMatch(/^linux-npm- +2 +4\.0 kB +\d+ s\n\.\.\. and 2 more \(--top\)$/m);
  expect(text.out).toMatch(/^under 1 d +4\.0 kB +4 +█+$/m);
  expect(readFileSync(html, 'utf8')).toContain('<title>org/repo: 4.0 kB, 3 caches, last used ');
});

test('stats --html of a directory that does not exist fails before a request', async () => {
  const { store, server } = await bucketPlace();
  const html = path.join(scratch(), 'absent', 'stats.html');
  const { out, error } = await invoke(store, own => showStats(own, { top: 2, html }));
  expect(error).toMatchObject({ message: expect.stringContaining('there is no directory') });
  expect(out).toBe('');
  expect(server.operations).toEqual([]);
});

const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

test.runIf(canMount)('stats --html onto a full disk leaves no part of the page', async () => {
  const { store, args } = await directoryPlace();
  await putFakeCaches(store, fleet);
  const full = scratch();
  const script = `mount -t tmpfs -o size=4k none ${full} || exit 9; "$@"; status=$?; ls -A ${full}; exit $status`;
  const program = fileURLToPath(new URL('../../../src/command/main.ts', import.meta.url));
  const command = [process.execPath, program, 'stats', '--html', `${full}/page.html`, ...args];
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command], {
    encoding: 'utf8',
  });
  expect(stderr).toContain(`${full}/page.html cannot be written: ENOSPC`);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});

test('stats of an empty store are zero', async () => {
  const { store } = await directoryPlace();
  const { out, error } = await invoke(store, own => showStats(own, { top: 5 }));
  expect(error).toBeUndefined();
  expect(out).toContain('0 caches, 0 B');
});
