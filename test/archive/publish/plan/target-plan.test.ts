import { expect, test } from 'vitest';
import { type Entry, EntryType } from '../../../../src/archive/format/entry.ts';
import { StagedPaths } from '../../../../src/archive/publish/plan/target-plan.ts';
import { ShortPaths } from '../../../../src/archive/publish/staging/short-path.ts';

const named = (name: string) => ({ name, type: EntryType.file }) as Entry;

test('StagedPaths returns the path that was set for an entry, or that of its directory with its name, or an empty one', () => {
  const paths = new StagedPaths(
    [named('./a/'), named('./a/\udcff b'), named('./c'), named('./d'), named('/e')],
    new ShortPaths(),
  );
  paths.set(0, '/work/.cache-s3-1/a');
  paths.setInside(1, '/work/.cache-s3-1/a');
  paths.set(2, '/work/.cache-s3-1/f0');
  paths.setInside(4, '/stage');
  expect([0, 1, 2, 3, 4].map(entry => paths.at(entry))).toEqual([
    '/work/.cache-s3-1/a',
    '/work/.cache-s3-1/a/\udcff b',
    '/work/.cache-s3-1/f0',
    '',
    '/stage/e',
  ]);
  expect([0, 1, 2, 3, 4].filter(entry => paths.has(entry))).toEqual([0, 1, 2, 4]);
});
