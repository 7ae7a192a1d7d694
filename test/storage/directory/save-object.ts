import { createDirectoryStore } from '../../../src/storage/directory/directory-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { putObject } from '../../support/put-object.ts';
import { silentLog } from '../../support/silent-log.ts';

/** The name of an object. */
export const name = 'v1/key/version.tar.zst';
export const uploadOptions = { partSizeBytes: 5_242_880, onlyIfAbsent: true };

export const storeAt = (root: string): ObjectStore => createDirectoryStore(root, { log: silentLog });

/** Stores the object. */
export function save(root: string, text = 'object'): Promise<void> {
  return putObject(storeAt(root), name, text, uploadOptions);
}
