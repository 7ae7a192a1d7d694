import { markerName } from '../../src/cache/keys/cache-names.ts';
import { spacesOf } from '../../src/cache/keys/scope.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** The caches of a fleet: many repositories, of which few are large, and keys of several prefixes. */

const PREFIX = 'cache-s3';
const REPOSITORIES = 60;
const KEY_PREFIXES = ['Linux-npm-', 'Linux-cargo-', 'Linux-gradle-', 'macOS-pods-', 'buildx-'];
const VERSION = 'c5'.repeat(32);
/** Of ten caches, this many have a marker. */
const MARKED = 6;

/** Yields the names of the caches of a fleet, the same for the same number. */
export function* fleetNames(count: number): Generator<string> {
  for (let index = 0; index < count; index++) {
    const share = ((index * 2654435761) % 2 ** 32) / 2 ** 32;
    // A few repositories hold most caches
    const repository = `org/service-${String(Math.floor(share * share * REPOSITORIES)).padStart(2, '0')}`;
    const ref = index % 3 === 0 ? 'refs/heads/main' : `refs/pull/${index % 400}/merge`;
    const hash = ((index * 40503) % 2 ** 32).toString(16).padStart(12, '0');
    const key = `${KEY_PREFIXES[index % KEY_PREFIXES.length]}${hash}${index.toString(16).padStart(6, '0')}`;
    const place = { repository, readRefs: [ref], writeRef: ref };
    yield spacesOf({ scope: 'ref', prefix: PREFIX, version: VERSION, ...place }).write.objectName(key);
  }
}

/** Stores a fleet of small objects, and markers of most of them, by `parallel` requests at a time. Returns the number of objects. */
export async function storeFleet(store: ObjectStore, count: number, parallel: number): Promise<number> {
  const names = fleetNames(count);
  let [stored, index] = [0, 0];
  const work = async () => {
    for (const name of names) {
      const number = index++;
      const upload = store.createUpload(name, { partSizeBytes: 5 * 2 ** 20, onlyIfAbsent: false });
      await upload.write(new Uint8Array(1 + (number % 977)));
      await upload.complete();
      stored++;
      if (number % 10 >= MARKED) continue;
      await store.putEmpty(markerName(PREFIX, name)!);
      stored++;
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return stored;
}
