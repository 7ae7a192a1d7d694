import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { countStuckThread, hasStuckThread } from '../../../src/archive/pool/stuck-threads.ts';

test('a process has a stuck thread until the last of them has ended', async () => {
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
