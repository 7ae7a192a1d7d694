import type { ObjectStore, UploadOptions } from '../../src/storage/object-store.ts';
import { collect } from './collect.ts';
import { MiB } from './sizes.ts';

/** Stores an object in parts of 5 MiB. By default it may replace another one. */
export async function putObject(
  store: ObjectStore,
  name: string,
  content: string | Uint8Array,
  options: Partial<UploadOptions> = {},
): Promise<void> {
  const upload = store.createUpload(name, { partSizeBytes: 5 * MiB, onlyIfAbsent: false, ...options });
  // A copy, because the store owns the written bytes
  const bytes = new Uint8Array(typeof content === 'string' ? Buffer.from(content) : content);
  if (bytes.length > 0) await upload.write(bytes);
  await upload.complete();
}

/** Returns the names of the objects under a prefix. */
export async function listNames(store: ObjectStore, prefix = ''): Promise<string[]> {
  return (await collect(store.list(prefix))).map(({ name }) => name);
}
