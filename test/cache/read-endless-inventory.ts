/**
 * Keeps all items of a listing of `caches` or `markers`, which has the given number of objects or no end. Prints the error that ends
 * it, or the number of items.
 */

import { type InventoryItem, readInventory } from '../../src/cache/inventory.ts';
import { cachesRoot, markersRoot } from '../../src/cache/keys/cache-names.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';

const [, , kind, count = Number.POSITIVE_INFINITY] = process.argv;
const [root, suffix] = kind === 'caches' ? [cachesRoot('p'), '.tar.zst'] : [markersRoot('p'), '.used'];

const store: Partial<ObjectStore> = {
  async *list(prefix): AsyncGenerator<ObjectInfo> {
    if (prefix !== root) return;
    for (let index = 0; index < Number(count); index++) {
      const name = `${root}org/repo/main/${String(index).padStart(9, '0')}/${'ab'.repeat(32)}${suffix}`;
      yield { name, sizeBytes: 0, etag: `etag-${index}`, modifiedMs: index };
    }
  },
};

const items: InventoryItem[] = [];
try {
  for await (const item of readInventory(store as ObjectStore, { prefix: 'p' })) items.push(item);
  console.log(items.length);
} catch (error) {
  console.log(String(error));
}
