import { type Entry, EntryType } from '../../../src/archive/format/entry.ts';

/** Makes an entry without data. */
export const entryOf = (
  name: string,
  type: EntryType = EntryType.file,
  more: Partial<Entry> = {},
): Entry => ({
  ...{ name, type, mode: 0o755, mtimeUs: 0, mtimeRestNs: 0, size: 0, target: '', linkTo: -1 },
  ...{ uid: -1, gid: -1, frame: -1, offset: 0 },
  ...more,
});
