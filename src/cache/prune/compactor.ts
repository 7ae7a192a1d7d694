import type { ObjectInfo } from '../../storage/object-store.ts';
import type { CacheEntry, StrayMarker } from '../inventory.ts';

/**
 * Copies the items of a listing into less memory: V8 keeps a piece of a text as a reference to the whole, which is a page of
 * a thousand objects, and most texts of a fleet are the same.
 */
export class Compactor {
  readonly #texts = new Map<string, string>();

  cache({ repository, scope, key, version, object, marker }: CacheEntry): CacheEntry {
    return {
      kind: 'cache',
      repository: this.#shared(repository),
      scope: this.#shared(scope),
      key: copyOf(key),
      version: this.#shared(version),
      object: this.#object(object),
      marker: marker && this.#object(marker),
    };
  }

  marker({ object, cacheObject }: StrayMarker): StrayMarker {
    return { kind: 'marker', object: this.#object(object), cacheObject: copyOf(cacheObject) };
  }

  #object({ name, sizeBytes, etag, modifiedMs }: ObjectInfo): ObjectInfo {
    // All objects without bytes have the same ETag on a server
    const ofEtag = sizeBytes === 0 ? this.#shared(etag) : copyOf(etag);
    return { name: copyOf(name), sizeBytes, etag: ofEtag, modifiedMs };
  }

  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const copy = copyOf(text);
    this.#texts.set(copy, copy);
    return copy;
  }
}

function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
