/** Keeps all items of a listing without end, of `caches` or `markers`, and prints the error that ends it. */

import { type InventoryItem, readInventory } from '../../src/cache/inventory.ts';
import { cachesRoot, markersRoot } from '../../src/cache/keys/cache-names.ts';
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';

const [root, suffix] =
  process.argv[2] === 'caches' ? [cachesRoot('p'), '.tar.zst'] : [markersRoot('p'), '.used'];

const store: Partial<ObjectStore> = {
  async *list(prefix): AsyncGenerator<ObjectInfo> {
    if (prefix !== root) return;
    for (let index = 0; ; index++) {
      const name = `${root}org/repo/main/${String(index).padStart(9, '0')}/${'ab'.repeat(32)}${suffix}`;
      yield { name, sizeBytes: 0, etag: `etag-${index}`, modifiedMs: index };
    }
  },
};

const items: InventoryItem[] = [];
try {
  for await (const item of readInventory(store as ObjectStore, { prefix: 'p' })) items.push(item);
} catch (error) {
  console.log(String(error));
}
