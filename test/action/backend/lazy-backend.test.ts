import { expect, test, vi } from 'vitest';
import { lazyBackend } from '../../../src/action/backend/lazy-backend.ts';
import type { StorageBackend } from '../../../src/storage/backend.ts';
import { lookupRequest } from '../../support/requests.ts';

function backend(answers: Partial<StorageBackend> = {}) {
  const unexpected = () => Promise.reject(new Error('not expected'));
  const made = {
    source: 's3',
    lookup: async () => undefined,
    restore: unexpected,
    save: unexpected,
    counters: { requests: 2, retries: 1 },
    close: vi.fn(),
    ...answers,
  } satisfies StorageBackend;
  return { made, make: vi.fn(async () => made) };
}

test('nothing is made before it is asked, and it is made once', async () => {
  const { made, make } = backend();
  const lazy = lazyBackend('s3', make);
  lazy.close();
  expect([make.mock.calls.length, lazy.counters]).toEqual([0, { requests: 0, retries: 0 }]);
  await Promise.all([lazy.lookup(lookupRequest()), lazy.lookup(lookupRequest())]);
  expect([make.mock.calls.length, lazy.counters]).toEqual([1, { requests: 2, retries: 1 }]);
  expect(made.close).not.toHaveBeenCalled();
  lazy.close();
  expect(made.close).toHaveBeenCalledOnce();
});

test('what cannot be made is the answer to a question', async () => {
  const lazy = lazyBackend('github', () => Promise.reject(new Error('no cache service')));
  await expect(lazy.lookup(lookupRequest())).rejects.toThrow('no cache service');
  lazy.close();
});

test('a backend that explains no miss says nothing', async () => {
  expect(await lazyBackend('s3', backend().make).diagnose?.(lookupRequest())).toBeUndefined();
});
