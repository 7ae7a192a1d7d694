import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';

test('a process has a stuck thread until the last of them has ended', async () => {
  // A module of its own: threads of other tests in this process may be stuck
  vi.resetModules();
  const { countStuckThread, hasStuckThread } = await import('../../../src/archive/pool/stuck-threads.ts');
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  expect(hasStuckThread()).toBe(false);
  countStuckThread(first.promise);
  countStuckThread(second.promise);
  first.resolve();
  await setImmediate();
  expect(hasStuckThread()).toBe(true);
  second.resolve();
  await setImmediate();
  expect(hasStuckThread()).toBe(false);
});
