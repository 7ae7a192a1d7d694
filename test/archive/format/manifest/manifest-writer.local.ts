import { expect, test } from 'vitest';
import { SourceTreeError } from '../../../../src/archive/archive-errors.ts';
import { EntryType } from '../../../../src/archive/format/entry.ts';
import { MAX_ENTRIES } from '../../../../src/archive/format/limits.ts';
import { ManifestWriter } from '../../../../src/archive/format/manifest/manifest-writer.ts';
import { entryOf } from '../../support/entry-of.ts';

test('a manifest with more entries than a reader accepts is not written', () => {
  const entry = entryOf('./a', EntryType.file);
  const writer = new ManifestWriter();
  for (let count = 0; count < MAX_ENTRIES; count++) writer.add(entry);
  expect(() => writer.add(entry)).toThrow(SourceTreeError);
});
