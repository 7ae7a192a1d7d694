import { expect, test, vi } from 'vitest';
import { noteUse } from '../../../src/storage/archives/note-use.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';

test.each([
  ['is stored', undefined],
  ['is stored again', { modifiedMs: undefined }],
])(
  'the marker of an object %s if times are not known, so that no prune takes the object for unused',
  async (_, present) => {
    const putEmpty = vi.fn(async () => {});
    const store: Partial<ObjectStore> = {
      laterNowMs: Date.now(),
      head: async () => present && { name: 'marker', sizeBytes: 0, etag: 'e', saveId: undefined, ...present },
      putEmpty,
    };
    await noteUse(store as ObjectStore, { modifiedMs: undefined }, 'marker').finish();
    expect(putEmpty).toHaveBeenCalledOnce();
  },
);
