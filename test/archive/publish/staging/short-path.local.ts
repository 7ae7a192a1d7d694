import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnusableArchiveError } from '../../../../src/archive/archive-errors.ts';
import { WorkerPool } from '../../../../src/archive/pool/worker-pool.ts';
import { linux, requires } from '../../../support/platform-needs.ts';
import { incompressible } from '../../../support/random.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../../support/tree.ts';
import { ageStaging } from '../../support/age-staging.ts';
import { layoutIn, packTree, restoreBytes, WORKER_URL } from '../../support/archives.ts';
import { leftovers, staged } from '../staged.ts';

/** The longest path that Linux accepts, in bytes. */
const MAX_BYTES = 4095;

/** Returns the name of a file below `directory` so that its path has `bytes` bytes. Its directories have 200 bytes each. */
function nameOf(directory: string, bytes: number, character = 'd'): string {
  const size = Buffer.byteLength(character);
  let left = bytes - Buffer.byteLength(directory) - 1;
  let name = 'tree';
  left -= 4;
  while (left > 250) {
    const count = Math.floor(200 / size);
    name += `/${character.repeat(count)}`;
    left -= 1 + count * size;
  }
  return `${name}/${'f'.repeat(left - 1)}`;
}

/** Saves `spec`, and restores it into a directory with a path of the same length. */
async function restored(
  spec: (directory: string) => TreeSpec,
  present: (directory: string) => TreeSpec = () => ({}),
) {
  const from = await buildTree(scratch(), spec(scratch()));
  const { object } = await packTree(layoutIn(from));
  const to = await buildTree(scratch(), present(scratch()));
  await restoreBytes(object, layoutIn(to), { runner: () => new WorkerPool(WORKER_URL, 1) });
  return { from: await describeTree(from), to: await describeTree(to) };
}

describe('a restore of a path that is nearly too long', requires(linux), () => {
  test.each([4061, 4062, 4094, MAX_BYTES])('writes a file whose path has %i bytes', async bytes => {
    const { from, to } = await restored(directory => ({ [nameOf(directory, bytes)]: 'content' }));
    expect(Object.keys(to).at(-1)!.length).toBeGreaterThan(4000);
    expect(to).toEqual(from);
  });

  test('writes all types of entries', async () => {
    const { from, to } = await restored(directory => {
      const name = nameOf(directory, MAX_BYTES - 10);
      return {
        [name]: 'content',
        [`${name}-empty`]: '',
        [`${name}-large`]: incompressible(9 * 1024 * 1024),
        [`${name}-link`]: { symlink: 'anywhere' },
        [`${name}-second`]: { hardlink: name },
        [`${name}-sub`]: { directory: true, mode: 0o555 },
      };
    });
    expect(to).toEqual(from);
  });

  test('counts bytes and not characters', async () => {
    const { from, to } = await restored(directory => ({ [nameOf(directory, MAX_BYTES, 'ü')]: 'content' }));
    expect(to).toEqual(from);
  });

  test('replaces files in existing directories', async () => {
    const spec = (content: string) => (directory: string) => ({ [nameOf(directory, MAX_BYTES)]: content });
    const { from, to } = await restored(spec('new'), spec('old'));
    expect(to).toEqual(from);
  });

  test('writes into an existing root that leaves no room for a staging path', async () => {
    const name = nameOf(scratch(), MAX_BYTES - 20);
    const patterns = [name];
    const files = { [`${name}/file`]: 'new', [`${name}/x/y`]: 'new' };
    const from = await buildTree(scratch(), files);
    const { object } = await packTree(layoutIn(from, patterns));
    const to = await buildTree(scratch(), { [name]: { directory: true }, [`${name}/x`]: 'in the way' });
    await restoreBytes(object, layoutIn(to, patterns));
    const below = (tree: TreeDescription) =>
      Object.entries(tree).filter(([found]) => found === name || found.startsWith(`${name}/`));
    const found = await describeTree(to);
    expect(below(found)).toEqual(below(await describeTree(from)));
    expect(leftovers(found)).toEqual([]);
  });

  test('merges into directories that another job has published meanwhile', async () => {
    const name = nameOf(scratch(), MAX_BYTES);
    const { to, publish, expected } = await staged({ [name]: 'new' }, {});
    await buildTree(to, { [name]: 'torn' });
    await publish();
    expect(await describeTree(to)).toEqual(expected);
  });

  test('removes its staging when it fails', async () => {
    const spec = (directory: string): TreeSpec => ({
      [nameOf(directory, MAX_BYTES)]: incompressible(9 * 1024 * 1024),
    });
    const from = await buildTree(scratch(), spec(scratch()));
    const { object } = await packTree(layoutIn(from));
    const to = scratch();
    let reads = 0;
    const onRead = () => {
      if (++reads === 2) throw new Error('the connection was lost');
    };
    const attempt = restoreBytes(object, layoutIn(to), { tailBytes: 4000, onRead });
    await expect(attempt).rejects.toThrow('the connection was lost');
    expect(readdirSync(to)).toEqual([]);
  });

  test('moves a deep directory of another type away and removes it', async () => {
    const name = nameOf(scratch(), MAX_BYTES);
    const second = name.split('/').slice(0, 2).join('/');
    const { to, publish, expected } = await staged({ [second]: 'a file' }, { [name]: 'old' });
    await publish();
    expect(await describeTree(to)).toEqual(expected);
    expect(leftovers(await describeTree(to))).toEqual([]);
  });

  test('removes the deep staging of a killed run', async () => {
    const { object } = await packTree(layoutIn(await buildTree(scratch(), { 'tree/a': 'a' })));
    const to = scratch();
    const name = nameOf(to, MAX_BYTES).replace('tree', '.cache-s3-1-00000000-00000000');
    mkdirSync(join(to, name.slice(0, name.lastIndexOf('/', name.length - 60))), { recursive: true });
    ageStaging(to);
    await restoreBytes(object, layoutIn(to));
    expect(readdirSync(to)).toEqual(['tree']);
  });
});

describe('a restore of a path that is too long', requires(linux), () => {
  test('fails before it changes anything, and its message gives both lengths', async () => {
    const from = scratch();
    await buildTree(from, { [nameOf(from, MAX_BYTES)]: 'content', 'tree/a': 'new' });
    const { object } = await packTree(layoutIn(from));
    const to = await buildTree(join(scratch(), 'deeper'), { 'tree/a': 'old' });
    const before = await describeTree(to, { root: true });
    const attempt = restoreBytes(object, layoutIn(to));
    await expect(attempt).rejects.toThrow(UnusableArchiveError);
    await expect(attempt).rejects.toThrow('has a path of 4102 bytes here, but this system allows 4095');
    expect(await describeTree(to, { root: true })).toEqual(before);
  });

  test('into existing directories fails before it changes anything', async () => {
    const from = scratch();
    const name = nameOf(from, MAX_BYTES);
    await buildTree(from, { [name]: 'content', 'tree/a': 'new' });
    const { object } = await packTree(layoutIn(from));
    const to = await buildTree(join(scratch(), 'deeper'), {
      'tree/a': 'old',
      [name.slice(0, name.lastIndexOf('/'))]: { directory: true },
    });
    const before = await describeTree(to, { root: true });
    const attempt = restoreBytes(object, layoutIn(to));
    await expect(attempt).rejects.toThrow(UnusableArchiveError);
    expect(await describeTree(to, { root: true })).toEqual(before);
  });
});
