import { expect, test } from 'vitest';
import { showCache } from '../../../src/command/subcommands/show.ts';
import { places } from '../places.ts';
import { saveTree } from '../saved-tree.ts';
import { invoke } from '../support.ts';

test.each(places)('show prints the manifest of a cache in %s', async (_, place) => {
  const { store } = await place();
  const job = await saveTree(store);
  const shown = await invoke(store, own => showCache(own, { files: 10 }, 'key-2'), { json: true });
  expect(shown.error).toBeUndefined();
  expect(JSON.parse(shown.out)).toMatchObject({
    key: 'key-2',
    repository: 'octo/app',
    paths: ['tree'],
    platform: process.platform,
    archive: { entries: 6, files: 3, directories: 2, symlinks: 1, fileBytes: 5_600_008, generations: 2 },
    largestFiles: [
      { name: './tree/large', bytes: 5_600_000 },
      { name: './tree/sub/b', bytes: 5 },
      { name: './tree/a', bytes: 3 },
    ],
  });
  const text = await invoke(store, own => showCache(own, { files: 1 }, job.objectName('key-1')));
  expect(text.out).toMatch(/^entries +2 files, 2 directories, 1 symlink, 0 hard links$/m);
  expect(text.out).toMatch(/^generations +1$/m);
  expect(text.out).toMatch(/^LARGEST FILES +SIZE\n\.\/tree\/large +5\.6 MB\n$/m);
});
