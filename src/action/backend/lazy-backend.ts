import type { CacheSource, StorageBackend } from '../../storage/backend.ts';

/**
 * A backend that is made when it is asked for the first time, so that nothing it needs is loaded before, and so that a
 * failure to make it is the answer to a question like any other.
 */
export function lazyBackend(
  source: Exclude<CacheSource, 'none'>,
  make: () => Promise<StorageBackend>,
): StorageBackend {
  let made: StorageBackend | undefined;
  let making: Promise<StorageBackend> | undefined;
  const get = async () => {
    making ??= make();
    made = await making;
    return made;
  };
  return {
    source,
    get counters() {
      return made?.counters ?? { requests: 0, retries: 0 };
    },
    lookup: async request => (await get()).lookup(request),
    restore: async request => (await get()).restore(request),
    save: async request => (await get()).save(request),
    diagnose: async request => (await get()).diagnose?.(request),
    close() {
      made?.close();
    },
  };
}
