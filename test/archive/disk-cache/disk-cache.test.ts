import * as fs from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DiskCache } from '../../../src/archive/disk-cache/disk-cache.ts';
import type { Claim } from '../../../src/archive/messages/disk-job.ts';
import type { UnpackResult } from '../../../src/archive/messages/unpack-job.ts';
import { hasStuckThread } from '../../../src/archive/pool/stuck-threads.ts';
import type { JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { insteadAsync } from '../../support/file-system-calls.ts';
import { birthTimes, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { claimPath, makeFrame, openedDirectory } from './support.ts';

const frame = makeFrame('a');
const runner = new InlineRunner();

/** Opens a disk cache in a new directory. Collects the lines that it logs. */
function openCache() {
  const directory = scratch();
  const lines: string[] = [];
  const cache = new DiskCache({ directory, maxBytes: 1e9, onProblem: line => lines.push(line) });
  onTestFinished(() => cache.close());
  return { directory, lines, cache };
}

test('the claim on a frame that was not stored ends, and the log shows the reason once', async () => {
  const { directory, lines, cache } = openCache();
  expect(await cache.find([frame], runner)).toEqual([false]);
  for (const name of ['a', 'b']) {
    const [taken] = await cache.claim([makeFrame(name)], 'claim');
    const result = { stored: 0, storeProblem: 'EIO' } as UnpackResult;
    await cache.release([taken as Claim], result, runner);
  }
  expect(fs.readdirSync(directory)).toEqual([]);
  expect(lines).toEqual([expect.stringContaining('the system reported EIO')]);
});

test(
  'a claim is touched until the disk cache is closed, which gives it up and refuses others',
  requires(birthTimes),
  async () => {
    const { directory, cache } = openCache();
    await cache.find([frame], runner);
    expect(await cache.claim([frame], 'claim')).toEqual([
      expect.objectContaining({ inode: expect.any(String) }),
    ]);
    const file = claimPath(directory, frame);
    fs.utimesSync(file, 1000, 1000);
    await vi.waitFor(() => expect(fs.statSync(file).mtimeMs).toBeGreaterThan(1e9), 5000);
    await cache.close();
    expect(await cache.claim([frame], 'claim')).toEqual(['refused']);
    expect(fs.readdirSync(directory)).toEqual([]);
  },
);

/** Lets calls to the directory hang, with fake time, until the returned function is called. */
function hang() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const call = Promise.withResolvers<never>();
  insteadAsync('stat', () => () => call.promise);
  return () => call.reject(new Error('unmounted'));
}

/** A runner whose jobs hang. */
const hanging: JobRunner = { width: 1, run: () => new Promise<never>(() => {}), close: async () => {} };

test('a directory that does not respond for eight seconds is not used any more, and costs one line', async () => {
  const unmount = hang();
  const { lines, cache } = openCache();
  await vi.advanceTimersByTimeAsync(7900);
  expect(cache.hangs.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(cache.hangs.aborted).toBe(true);
  await cache.close();
  expect(hasStuckThread()).toBe(true);
  expect(lines).toEqual([expect.stringContaining('it does not respond: check its mount')]);
  unmount();
  await vi.advanceTimersByTimeAsync(0);
  expect(hasStuckThread()).toBe(false);
});

test('nothing is found or claimed in a directory that stopped responding before the first job', async () => {
  hang();
  const { lines, cache } = openCache();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await cache.find([frame], hanging)).toEqual([false]);
  expect(await cache.claim([frame], 'claim')).toEqual(['refused']);
  await cache.release([], undefined, hanging);
  await cache.keepLimit(hanging, undefined);
  expect(lines).toHaveLength(1);
});

test('the search and the claims end when the directory stops responding during them', async () => {
  hang();
  const searching = openCache().cache.find([frame], hanging);
  const { cache } = openCache();
  await cache.find([frame], runner);
  insteadAsync('lstat', () => () => new Promise<never>(() => {}));
  const claiming = [cache.claim([frame], 'claim'), cache.claim([frame], 'claim')];
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await searching).toEqual([false]);
  expect(await Promise.all(claiming)).toEqual(Array(2).fill(['refused']));
});

test('the last check of the limit ends when the directory stops responding during it', async () => {
  hang();
  const { cache } = openCache();
  await cache.find([frame], runner);
  await cache.release([], { stored: 1 } as UnpackResult, runner);
  const checking = cache.keepLimit(hanging, undefined);
  await vi.advanceTimersByTimeAsync(10_000);
  await checking;
  expect(cache.hangs.aborted).toBe(true);
});

test('a closed disk cache finds nothing, also by a search that ends later, and logs nothing', async () => {
  hang();
  const { lines, cache } = openCache();
  const found = Promise.withResolvers<never>();
  const searching = cache.find([frame], { ...hanging, run: () => found.promise });
  const closing = cache.close();
  found.resolve({ directory: openedDirectory(scratch()), isPresent: [true] } as never);
  expect(await searching).toEqual([false]);
  expect(await cache.find([frame], runner)).toEqual([false]);
  expect(await cache.claim([frame], 'claim')).toEqual(['refused']);
  await vi.advanceTimersByTimeAsync(20_000);
  await closing;
  expect(cache.hangs.aborted).toBe(false);
  expect(lines).toEqual([]);
});
