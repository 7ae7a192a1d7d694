import { syncBuiltinESMExports } from 'node:module';
import v8, { getHeapStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { trimHeap } from '../../../src/archive/memory/heap.ts';
import { WorkerPool } from '../../../src/archive/pool/worker-pool.ts';

afterEach(() => vi.restoreAllMocks());

test('V8 gets its flags back when a pool is made, before any thread of a save starts, and keeps them', async () => {
  const { setFlagsFromString } = v8;
  const changes: string[] = [];
  onTestFinished(() => {
    v8.setFlagsFromString = setFlagsFromString;
    syncBuiltinESMExports();
  });
  v8.setFlagsFromString = flag => {
    changes.push(flag);
    setFlagsFromString(flag);
  };
  syncBuiltinESMExports();
  const pool = new WorkerPool(new URL('data:text/javascript,'), 1);
  onTestFinished(() => pool.close());
  expect(changes).toEqual(['--expose-gc', '--no-expose-gc']);
  pool.start();
  expect(runInNewContext('typeof gc')).toBe('undefined');
  trimHeap(0);
  expect(changes).toHaveLength(2);
});

test('trimHeap trims a smaller heap if the process has been large', () => {
  const heap = () => getHeapStatistics().total_heap_size;
  let garbage: object[] | undefined = Array.from({ length: 4_000_000 }, (_, index) => ({ index }));
  expect(garbage.length).toBe(4_000_000);
  garbage = undefined;
  const grown = heap();
  const usage = process.resourceUsage();
  const used = vi.spyOn(process, 'resourceUsage');
  used.mockReturnValue({ ...usage, maxRSS: 439_000 });
  trimHeap(2 * grown, 0);
  expect(heap()).toBeGreaterThan(grown / 2);
  used.mockReturnValue({ ...usage, maxRSS: 440_000 });
  trimHeap(2 * grown, 0);
  expect(heap()).toBeLessThan(grown / 2);
});

test('trimHeap returns the memory of a large heap, and does nothing to a small one', () => {
  const heap = () => getHeapStatistics().total_heap_size;
  trimHeap();
  let garbage: object[] | undefined = Array.from({ length: 8_000_000 }, (_, index) => ({ index }));
  expect(garbage.length).toBe(8_000_000);
  const grown = heap();
  expect(grown).toBeGreaterThan(192 * 1024 * 1024);
  garbage = undefined;
  trimHeap(2 * grown);
  expect(heap()).toBeGreaterThan(grown / 2);
  trimHeap();
  expect(heap()).toBeLessThan(grown / 2);
});
