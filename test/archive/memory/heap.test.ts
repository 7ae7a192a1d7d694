import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { UnusableArchiveError } from '../../../src/archive/archive-errors.ts';
import { requireHeap } from '../../../src/archive/memory/heap.ts';

test('requireHeap accepts a size that the heap has room for', () => {
  expect(() => requireHeap(1024 * 1024, 'its 10 entries')).not.toThrow();
});

test('requireHeap throws for a size that the heap has no room for, with both sizes', () => {
  const { heap_size_limit } = getHeapStatistics();
  const attempt = () => requireHeap(heap_size_limit, 'its 10 entries');
  expect(attempt).toThrow(UnusableArchiveError);
  const needed = Math.ceil(heap_size_limit / 1024 / 1024);
  expect(attempt).toThrow(
    new RegExp(
      `^its 10 entries need about ${needed} MiB of memory, but Node.js has \\d+ MiB on this machine$`,
    ),
  );
});
