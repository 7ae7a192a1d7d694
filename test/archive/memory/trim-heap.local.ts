import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { trimHeap } from '../../../src/archive/memory/trim-heap.ts';

test('trimHeap returns the memory of a large heap, and does nothing to a small one', () => {
  const heap = () => getHeapStatistics().total_heap_size;
  trimHeap();
  let garbage: object[] | undefined = Array.from({ length: 4_000_000 }, (_, index) => ({ index }));
  expect(garbage.length).toBe(4_000_000);
  const grown = heap();
  expect(grown).toBeGreaterThan(192 * 1024 * 1024);
  garbage = undefined;
  trimHeap(2 * grown);
  expect(heap()).toBeGreaterThan(grown / 2);
  trimHeap();
  expect(heap()).toBeLessThan(grown / 2);
});
