import { once } from 'node:events';
import { existsSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { markerName } from '../../../src/cache/keys/cache-names.ts';
import { TIME_LIMITS } from '../../../src/retry/time-limits.ts';
import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import { objectPath } from '../../../src/storage/directory/file-names.ts';
import { scratch } from '../../support/scratch.ts';
import type { MemoryServer } from '../../support/servers/memory-server.ts';
import { silentLog } from '../../support/silent-log.ts';
import { buildTree } from '../../support/tree.ts';
import type { CacheJob } from '../incremental/job.ts';
import { type Jobs, jobsOf } from '../incremental/jobs.ts';
import { serveStore } from '../s3/serve-store.ts';

const HOUR = 60 * 60 * 1000;

async function savedIn(all: Jobs, key: string): Promise<CacheJob> {
  const job = all.job();
  await buildTree(job.workspace, { 'tree/a': 'a' });
  await job.saveInFull(key);
  return job;
}

describe('a restore that hits an object of a bucket', () => {
  let server: MemoryServer;
  let all: Jobs;
  let name: string;
  let marker: string;

  beforeEach(async () => {
    // The store itself would wait for minutes
    const timeLimits = { ...TIME_LIMITS, idleTimeoutMs: 600_000, stalledMs: 600_000, serverWorkMs: 600_000 };
    const served = await serveStore({}, {}, { timeLimits });
    server = served.server;
    all = jobsOf(served.store);
    name = (await savedIn(all, 'k')).objectName('k');
    marker = markerName('cache-s3', name)!;
  });

  /** Sets the time of modification of an object to so many hours ago. */
  const age = (of: string, hours: number) => {
    const object = server.content.objects.get(of)!;
    server.content.objects.set(of, { ...object, modified: new Date(Date.now() - hours * HOUR) });
  };

  /** Restores from the exact key in a new job. Returns the outcome, the requests and the shown lines. */
  const restore = async (key = 'k') => {
    const before = server.operations.length;
    const job = all.job();
    const { kind } = await job.restore(key, { restoreKeys: [] });
    return { kind, operations: server.operations.slice(before), lines: job.lines };
  };

  test('requests nothing more while the object is younger than a day', async () => {
    age(name, 23);
    expect(await restore()).toEqual({ kind: 'hit', operations: ['GetObject'], lines: [] });
    expect([...server.content.objects.keys()]).toEqual([name]);
  });

  test('stores a marker without bytes if the object is older than a day, and leaves the object', async () => {
    age(name, 25);
    const before = server.content.objects.get(name);
    const operations = ['GetObject', 'HeadObject', 'PutObject'];
    expect(await restore()).toEqual({ kind: 'hit', operations, lines: [] });
    expect(server.content.objects.get(marker)?.bytes).toHaveLength(0);
    expect(server.content.objects.get(name)).toBe(before);
  });

  test('stores the marker again only if it is older than a day', async () => {
    age(name, 100);
    await restore();
    age(marker, 23);
    expect((await restore()).operations).toEqual(['GetObject', 'HeadObject']);
    age(marker, 25);
    expect((await restore()).operations).toEqual(['GetObject', 'HeadObject', 'PutObject']);
    expect(Date.now() - server.content.objects.get(marker)!.modified.getTime()).toBeLessThan(HOUR);
  });

  test('stores the marker again after a day also if the clock of the runner is days behind', async () => {
    age(name, 100);
    await restore();
    age(marker, 25);
    const runnerMs = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 5 * 24 * HOUR);
    onTestFinished(() => runnerMs.mockRestore());
    expect((await restore()).operations).toEqual(['GetObject', 'HeadObject', 'PutObject']);
  });

  test('stores a marker although credentials without s3:ListBucket get 403 for a missing one', async () => {
    age(name, 25);
    server.takeover = operation =>
      operation === 'HeadObject' && !server.content.objects.has(marker)
        ? (_, to) => to.writeHead(403).end()
        : undefined;
    await restore();
    expect(server.content.objects.has(marker)).toBe(true);
    expect((await restore()).operations).toEqual(['GetObject', 'HeadObject']);
  });

  test('by a restore-key notes the use of the object that it matched', async () => {
    age(name, 25);
    const job = all.job();
    expect(await job.restore('k-new', { restoreKeys: ['k'] })).toMatchObject({ kind: 'hit', key: 'k' });
    expect(server.content.objects.has(marker)).toBe(true);
  });

  test('has its use noted too if it is only looked up', async () => {
    age(name, 25);
    expect(await all.job().lookup('k')).toMatchObject({ kind: 'hit' });
    expect(server.operations.slice(-3)).toEqual(['HeadObject', 'HeadObject', 'PutObject']);
    expect(server.content.objects.has(marker)).toBe(true);
  });

  test.each([
    ['HeadObject', 403, ['GetObject', 'HeadObject', 'PutObject']],
    ['PutObject', 403, ['GetObject', 'HeadObject', 'PutObject']],
    ['HeadObject', 503, ['GetObject', 'HeadObject']],
    ['PutObject', 500, ['GetObject', 'HeadObject', 'PutObject']],
  ])(
    'is a hit without a message or a retry if %s of the marker returns %i',
    async (refused, status, operations) => {
      age(name, 25);
      server.takeover = operation =>
        operation === refused ? (_, to) => to.writeHead(status).end() : undefined;
      expect(await restore()).toEqual({ kind: 'hit', operations, lines: [] });
      // The circuit is closed
      expect(await restore()).toEqual({ kind: 'hit', operations, lines: [] });
    },
  );

  test.each(['HeadObject', 'PutObject'])('does not wait for a server that never answers %s', async silent => {
    age(name, 25);
    let closed: Promise<unknown> | undefined;
    server.takeover = operation =>
      operation === silent
        ? from => {
            from.resume();
            closed = once(from.socket, 'close');
          }
        : undefined;
    expect(await restore()).toMatchObject({ kind: 'hit', lines: [] });
    // The request is given up, and the next restore works
    await closed;
    server.takeover = () => undefined;
    expect(await restore()).toMatchObject({ kind: 'hit' });
    expect(server.content.objects.has(marker)).toBe(true);
  });
});

test('a restore that hits an old object of a directory stores a marker file, and leaves the object', async () => {
  const root = scratch();
  const all = jobsOf(createDirectoryStore(root, { log: silentLog }));
  const name = (await savedIn(all, 'k')).objectName('k');
  const [file, marker] = [name, markerName('cache-s3', name)!].map(one => path.join(root, objectPath(one)));
  const setAge = (of: string, hours: number) => {
    const seconds = (Date.now() - hours * HOUR) / 1000;
    utimesSync(of, seconds, seconds);
  };
  const restore = async () => expect(await all.job().restore('k')).toMatchObject({ kind: 'hit', key: 'k' });
  /** A busy machine may give up a note, because a restore waits for it for 250 ms only. */
  const restoreUntil = (isNoted: () => void) =>
    vi.waitFor(
      async () => {
        await restore();
        isNoted();
      },
      { timeout: 30_000 },
    );

  await restore();
  expect(existsSync(marker!)).toBe(false);
  setAge(file!, 25);
  const before = statSync(file!);
  await restoreUntil(() => expect(statSync(marker!).size).toBe(0));
  expect(statSync(file!)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  setAge(marker!, 25);
  await restoreUntil(() => expect(Date.now() - statSync(marker!).mtimeMs).toBeLessThan(HOUR));
});
