import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/archive/format/entry.ts';
import { createDirectoryLayout } from '../../src/command/get.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { CacheJob } from '../storage/incremental/job.ts';
import { incompressible } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { describeTree } from '../support/tree.ts';
import { places } from './places.ts';
import { runCommand } from './run-command.ts';
import { putObject } from './support.ts';

/** Saves a tree of two generations under `key-2`. Returns the job. */
async function saveTree(store: ObjectStore): Promise<CacheJob> {
  const job = new CacheJob({ store, directory: scratch(), prefix: 'cache-s3' });
  const tree = path.join(job.workspace, 'tree');
  mkdirSync(path.join(tree, 'sub'), { recursive: true });
  writeFileSync(path.join(tree, 'large'), incompressible(9_000_000));
  writeFileSync(path.join(tree, 'sub/b'), 'hello');
  symlinkSync('sub/b', path.join(tree, 'link'));
  await job.save('key-1');
  await job.restore('none', { restoreKeys: ['key-'] });
  writeFileSync(path.join(tree, 'a'), 'new');
  expect(await job.save('key-2')).toMatchObject({ kind: 'saved', reusedBytes: expect.any(Number) });
  return job;
}

describe.each(places)('in %s', (_, place) => {
  test('show prints the manifest of a cache, get restores it, and verify finds no fault', async () => {
    const { store, args, variables } = await place();
    const job = await saveTree(store);

    const shown = await runCommand(['show', 'key-2', '--json', ...args], variables);
    expect(shown.stderr).toBe('');
    expect(JSON.parse(shown.stdout)).toMatchObject({
      key: 'key-2',
      repository: 'octo/app',
      paths: ['tree'],
      platform: process.platform,
      archive: { entries: 6, files: 3, directories: 2, symlinks: 1, fileBytes: 9_000_008, generations: 2 },
      largestFiles: [
        { name: './tree/large', bytes: 9_000_000 },
        { name: './tree/sub/b', bytes: 5 },
        { name: './tree/a', bytes: 3 },
      ],
    });
    const text = await runCommand(['show', 'key-1', ...args], variables);
    expect(text.stdout).toMatch(/^entries +2 files, 2 directories, 1 symlinks, 0 hard links$/m);
    expect(text.stdout).toMatch(/^generations +1$/m);

    const target = path.join(scratch(), 'new/target');
    const got = await runCommand(['get', 'key-2', target, ...args], variables);
    expect({ ...got, stdout: '' }).toMatchObject({ exitCode: 0, stderr: '' });
    expect(got.stdout).toMatch(/^Restored 6 entries \(9\.0 MB\) of 'key-2' to .*target in .* s\.\n$/);
    expect(await describeTree(target)).toEqual(await describeTree(job.workspace));
  });

  test('show and get end with one sentence for a key that no cache has, and for an object that is no archive', async () => {
    const { store, args, variables } = await place();
    const job = new CacheJob({ store, directory: scratch(), prefix: 'cache-s3' });
    const name = job.objectName('broken');
    await putObject(store, name, Buffer.alloc(3000, 'x'));
    for (const command of [['show'], ['get', path.join(scratch(), 'target')]]) {
      const [verb = '', ...rest] = command;
      const none = await runCommand([verb, 'none', ...rest, ...args, '--json'], variables);
      expect(none).toMatchObject({ exitCode: 1, stdout: '' });
      expect(none.stderr).toMatch(/^cache-s3: No cache below cache-s3\/ in .* has the key 'none': .*\.\n$/);
      for (const wanted of ['broken', name]) {
        const broken = await runCommand([verb, wanted, ...rest, ...args, '--json'], variables);
        expect(broken).toMatchObject({ exitCode: 1, stdout: '' });
        expect(broken.stderr).toMatch(/^cache-s3: .*seek table\.\n$/);
      }
    }
  });
});

test('get keeps each kind of path of an archive apart, inside of the directory', () => {
  const names = ['./a', '~/a', '/a', 'C:/a', './', '/srv/x/'];
  const entries = names.map(name => ({ name }) as Entry).sort((a, b) => (a.name < b.name ? -1 : 1));
  const layout = createDirectoryLayout(path.resolve('/dir'), entries);
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
