import path from 'node:path';
import { expect, test } from 'vitest';
import { createDirectoryLayout, getCache } from '../../../src/command/subcommands/get.ts';
import { scratch } from '../../support/scratch.ts';
import { describeTree } from '../../support/tree.ts';
import { places } from '../places.ts';
import { saveTree } from '../saved-tree.ts';
import { invoke } from '../support.ts';

test.each(places)('get restores a cache of %s into a directory', async (_, place) => {
  const { store } = await place();
  const job = await saveTree(store);
  const target = path.join(scratch(), 'new/target');
  const got = await invoke(store, own => getCache(own, {}, 'key-2', target));
  expect(got.error).toBeUndefined();
  expect(got.out).toMatch(/^Restored 6 entries \(5\.6 MB\) of 'key-2' to .*target in .* s\.\n$/);
  expect(await describeTree(target)).toEqual(await describeTree(job.workspace));
});

test('get keeps each kind of path of an archive apart, inside of the directory', () => {
  const names = ['./a', '~/a', '/a', 'C:/a', './', '/srv/x/'];
  const layout = createDirectoryLayout(path.resolve('/dir'), name => names.includes(name));
  const inDirectory = (...parts: string[]) => path.resolve('/dir', ...parts);
  expect(names.map(layout.toAbsolute)).toEqual([
    inDirectory('a'),
    inDirectory('_home', 'a'),
    inDirectory('_root', 'a'),
    inDirectory('_root', 'C', 'a'),
    inDirectory(),
    inDirectory('_root', 'srv', 'x'),
  ]);
  expect(names.every(layout.permits)).toBe(true);
  expect(layout.permits('/srv/')).toBe(false);
});
