import * as fs from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DiskCache } from '../../../src/archive/disk-cache/disk-cache.ts';
import type { UnpackResult } from '../../../src/archive/messages/unpack-job.ts';
import { hasStuckThread } from '../../../src/archive/pool/stuck-threads.ts';
import { InlineRunner } from '../../../src/archive/worker/worker.ts';
import { insteadAsync } from '../../support/file-system-calls.ts';
import { scratch } from '../../support/scratch.ts';
import { claimPath, makeFrame } from './support.ts';

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
    await cache.settle([taken!.claim!], result, runner);
  }
  expect(fs.readdirSync(directory)).toEqual([]);
  expect(lines).toEqual([expect.stringContaining('the system reported EIO')]);
});

test('a claim is touched until the disk cache is closed, which gives it up and refuses others', async () => {
  const { directory, cache } = openCache();
  await cache.find([frame], runner);
  expect(await cache.claim([frame], 'claim')).toMatchObject([{ state: 'ours' }]);
  const file = claimPath(directory, frame);
  fs.utimesSync(file, 1000, 1000);
  await vi.waitFor(() => expect(fs.statSync(file).mtimeMs).toBeGreaterThan(1e9), 5000);
  await cache.close();
  expect(await cache.claim([frame], 'claim')).toEqual([{ state: 'refused' }]);
  expect(fs.readdirSync(directory)).toEqual([]);
});

test('a directory that does not respond for eight seconds is not used any more, and costs one line', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const call = Promise.withResolvers<never>();
  insteadAsync('stat', () => () => call.promise);
  const { lines, cache } = openCache();
  await vi.advanceTimersByTimeAsync(7900);
  expect(cache.hangs.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(cache.hangs.aborted).toBe(true);
  await cache.close();
  expect(hasStuckThread()).toBe(true);
  expect(lines).toEqual([expect.stringContaining('it does not respond: check its mount')]);
  call.reject(new Error('unmounted'));
  await vi.advanceTimersByTimeAsync(0);
  expect(hasStuckThread()).toBe(false);
});
