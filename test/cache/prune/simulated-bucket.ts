import type { ObjectInfo, ObjectStore, OptionalCallOptions } from '../../../src/storage/object-store.ts';
import { ObjectReplacedError } from '../../../src/storage/store-errors.ts';

interface StoredObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number | undefined;
}

/** Objects in a page of a listing: few, so that a listing is long and others change the bucket meanwhile. */
const PAGE = 4;

export type Operation = 'list' | 'head' | 'getRange' | 'put' | 'delete';

/** Called before and after the effect of each operation. It may wait, and throw as if the client had been killed. */
export type Step = (operation: Operation, name: string, at: 'before' | 'after') => Promise<void>;

/** A bucket in memory with a clock of its own, and times in listings and heads as radosgw has them. */
export class SimulatedBucket {
  readonly objects = new Map<string, StoredObject>();
  nowMs = Date.UTC(2026, 0, 1);
  #stored = 0;

  put(name: string, sizeBytes: number): void {
    this.objects.set(name, { sizeBytes, etag: `e${++this.#stored}`, modifiedMs: this.nowMs });
  }

  /** Makes the server send no time for an object. */
  hideTime(name: string): void {
    this.objects.set(name, { ...this.objects.get(name)!, modifiedMs: undefined });
  }

  info(name: string): ObjectInfo | undefined {
    const object = this.objects.get(name);
    return object && { name, ...object };
  }

  /** Opens the store of one client. */
  open(step: Step): ObjectStore {
    const run = async <T>(
      operation: Operation,
      name: string,
      options: OptionalCallOptions | undefined,
      effect: () => T,
    ): Promise<T> => {
      options?.signal?.throwIfAborted();
      await step(operation, name, 'before');
      options?.signal?.throwIfAborted();
      const result = effect();
      await step(operation, name, 'after');
      return result;
    };
    const bucket = this;
    return {
      kind: 's3',
      counters: { requests: 0, retries: 0 },
      versioned: false,
      get nowMs() {
        return bucket.nowMs;
      },
      get laterNowMs() {
        return bucket.nowMs;
      },
      head: (name, options) =>
        run('head', name, options, () => {
          const info = this.info(name);
          const { modifiedMs } = info ?? {};
          return info && { ...info, modifiedMs: modifiedMs && Math.floor(modifiedMs / 1000) * 1000 };
        }),
      getRange: (name, range, options) =>
        run('getRange', name, options, () => {
          const object = this.objects.get(name);
          if (!object) return undefined;
          if (options?.etag !== undefined && options.etag !== object.etag) {
            throw new ObjectReplacedError(`${name} was replaced`);
          }
          const start = 'start' in range ? range.start : 0;
          return { bytes: new Uint8Array(0), start, ...object };
        }),
      async *list(prefix, options) {
        let after = '';
        for (;;) {
          const page = await run('list', prefix, options, () =>
            [...bucket.objects.keys()]
              .filter(name => name.startsWith(prefix) && name > after)
              .sort()
              .slice(0, PAGE)
              .map(name => bucket.info(name)!),
          );
          yield* page;
          if (page.length < PAGE) return;
          after = page.at(-1)!.name;
        }
      },
      putEmpty: (name, options) => run('put', name, options, () => this.put(name, 0)),
      delete: (name, options) => run('delete', name, options, () => void this.objects.delete(name)),
      createUpload() {
        throw new Error('no client of the simulation uploads');
      },
      abortStale: async () => 0,
      async *unfinishedUploads() {},
      close() {},
    };
  }
}
