import { createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { markerName } from '../../src/cache/keys/cache-names.ts';
import { placesOf } from '../../src/cache/keys/scope.ts';
import { objectPath } from '../../src/storage/directory/file-names.ts';
import { BenchError } from '../bench-error.ts';
import type { Store } from '../programs/environment.ts';

/** The caches of a fleet: many repositories, of which few are large, and keys of several prefixes. */

const PREFIX = 'cache-s3';
const REPOSITORIES = 60;
const KEY_PREFIXES = ['Linux-npm-', 'Linux-cargo-', 'Linux-gradle-', 'macOS-pods-', 'buildx-'];
const VERSION = 'c5'.repeat(32);
/** Of ten caches, this many have a marker. */
const MARKED = 6;
/** Caches and markers that are stored at the same time. More connections make the gateway slower. */
const PARALLEL = 8;

interface FleetObject {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Yields the objects of a fleet, caches and markers: the same ones for the same number of caches. */
function* fleetObjects(caches: number): Generator<FleetObject> {
  for (let index = 0; index < caches; index++) {
    const share = ((index * 2654435761) % 2 ** 32) / 2 ** 32;
    // A few repositories hold most caches
    const repository = `org/service-${String(Math.floor(share * share * REPOSITORIES)).padStart(2, '0')}`;
    const ref = index % 3 === 0 ? 'refs/heads/main' : `refs/pull/${index % 400}/merge`;
    const hash = ((index * 40503) % 2 ** 32).toString(16).padStart(12, '0');
    const key = `${KEY_PREFIXES[index % KEY_PREFIXES.length]}${hash}${index.toString(16).padStart(6, '0')}`;
    const run = { repository, readRefs: [ref], writeRef: ref };
    const name = placesOf({ scope: 'ref', prefix: PREFIX, version: VERSION, ...run }).write.objectName(key);
    yield { name, sizeBytes: 1 + (index % 977) };
    if (index % 10 < MARKED) yield { name: markerName(PREFIX, name)!, sizeBytes: 0 };
  }
}

/**
 * Stores a fleet in a bucket, which must exist. A signature of version 2 costs the client a tenth of what the action's own
 * client costs, and client and gateway share the machine.
 */
export async function fillBucket(
  store: Store,
  bucket: string,
  caches: number,
  stop: AbortSignal,
): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: PARALLEL });
  await forEachObject(caches, stop, ({ name, sizeBytes }) => {
    const date = new Date().toUTCString();
    const target = `/${bucket}/${name}`;
    const signature = createHmac('sha1', store.secretKey)
      .update(`PUT\n\n\n${date}\n${target}`)
      .digest('base64');
    const headers = {
      date,
      authorization: `AWS ${store.accessKey}:${signature}`,
      'content-length': sizeBytes,
    };
    return new Promise((resolve, reject) => {
      const request = http.request(`${store.endpoint}${target}`, { method: 'PUT', agent, headers });
      request.once('error', reject).once('response', response => {
        if (response.statusCode === 200) response.resume().once('end', resolve);
        else reject(new BenchError(`the gateway answered a PUT by ${response.statusCode}`));
      });
      request.end(Buffer.alloc(sizeBytes));
    });
  });
  agent.destroy();
}

/** Stores a fleet in a directory, as files of the directory store. */
export async function fillDirectory(root: string, caches: number, stop: AbortSignal): Promise<void> {
  await forEachObject(caches, stop, async ({ name, sizeBytes }) => {
    const file = path.join(root, objectPath(name));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, Buffer.alloc(sizeBytes));
  });
}

async function forEachObject(
  caches: number,
  stop: AbortSignal,
  put: (object: FleetObject) => Promise<void>,
): Promise<void> {
  const objects = fleetObjects(caches);
  const work = async () => {
    for (const object of objects) {
      stop.throwIfAborted();
      await put(object);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}
