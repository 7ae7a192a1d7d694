import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SLICE_BYTES, WHOLE_FILE_BYTES } from '../../../src/archive/format/container.ts';
import { requires, symlinks } from '../../support/platform-needs.ts';
import { incompressible } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';
import { slashed } from '../../support/slashed.ts';
import { buildTree, describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { disturbedBefore, FILLER, savedWhile } from './changing-tree.ts';

function threeNames(content: string | Buffer = 'content'): TreeSpec {
  const hardlink = 'tree/d/first';
  return { [hardlink]: content, 'tree/second': { hardlink }, 'tree/third': { hardlink } };
}

/** Two names of one file. */
const secondAndThird = { names: ['tree/second', 'tree/third'], type: 'file' };

function expectOtherNames(found: TreeDescription, now: TreeDescription): void {
  expect(found['tree/second']).toEqual(now['tree/second']);
  expect(found['tree/third']).toEqual(now['tree/third']);
}

const vanished = (from: string, ...names: string[]) =>
  names.map(name => slashed(`${from}/tree/${name}: vanished during the save`));

describe('a file with three names is saved under two of them if the first one', () => {
  test.each<[string, (first: string) => void]>([
    ['vanishes', first => rmSync(first)],
    ['vanishes with its directory', first => rmSync(join(first, '..'), { recursive: true })],
    ['becomes a directory', first => mkdirSync(emptied(first))],
    [
      'has a file in place of its directory',
      first => writeFileSync(emptied(join(first, '..')), 'no directory'),
    ],
  ])('%s', async (_, change) => {
    const act = (tree: string) => change(join(tree, 'd/first'));
    const { found, now, skipped, from } = await savedWhile(threeNames(), act);
    expect(Object.keys(found)).toEqual(['tree', 'tree/0', 'tree/d', 'tree/second', 'tree/third']);
    expect(found['tree/second']).toMatchObject(secondAndThird);
    expectOtherNames(found, now);
    expect(skipped.map(slashed)).toEqual(vanished(from, 'd/first'));
  });

  test('becomes a symlink', requires(symlinks), async () => {
    const { found, now, skipped, from } = await savedWhile(threeNames(), tree =>
      symlinkSync('../second', emptied(join(tree, 'd/first'))),
    );
    expectOtherNames(found, now);
    expect(skipped.map(slashed)).toEqual(vanished(from, 'd/first'));
  });

  test('becomes another file, which is saved as well', async () => {
    const { found, now, skipped } = await savedWhile(threeNames(), tree => {
      writeFileSync(join(tree, 'new'), 'another');
      renameSync(join(tree, 'new'), join(tree, 'd/first'));
    });
    expectOtherNames(found, now);
    expect(found['tree/second']).toMatchObject(secondAndThird);
    expect(found['tree/d/first']).toEqual(now['tree/d/first']);
    expect(skipped).toEqual([]);
  });

  test('becomes a second name of another file with the same size', async () => {
    const spec = { ...threeNames(), 'tree/e/x': 'another', 'tree/e/y': { hardlink: 'tree/e/x' } };
    const { found, now, skipped } = await savedWhile(spec, tree => {
      linkSync(join(tree, 'e/x'), join(tree, 'new'));
      renameSync(join(tree, 'new'), join(tree, 'd/first'));
    });
    expectOtherNames(found, now);
    expect(found['tree/d/first']?.sha256).toBe(now['tree/e/x']?.sha256);
    expect(found['tree/e/y']).toMatchObject({ names: ['tree/e/x', 'tree/e/y'] });
    expect(skipped).toEqual([]);
  });
});

describe('a file with three names, of which more than the first one is lost during the save,', () => {
  test('is saved under the last one', async () => {
    const { found, now, skipped, from } = await savedWhile(threeNames(), tree => {
      rmSync(join(tree, 'd/first'));
      rmSync(join(tree, 'second'));
    });
    expect(found['tree/third']).toEqual(now['tree/third']);
    expect(Object.keys(found)).toEqual(['tree', 'tree/0', 'tree/d', 'tree/third']);
    expect(skipped.map(slashed).sort()).toEqual(vanished(from, 'd/first', 'second'));
  });

  test('is not saved if all have vanished, and the rest of the tree is', async () => {
    const { found, skipped, from } = await savedWhile({ ...threeNames(), 'tree/z': 'z' }, tree => {
      for (const name of ['d/first', 'second', 'third']) rmSync(join(tree, name));
    });
    expect(Object.keys(found)).toEqual(['tree', 'tree/0', 'tree/d', 'tree/z']);
    expect(skipped.map(slashed).sort()).toEqual(vanished(from, 'd/first', 'second', 'third'));
  });

  test('has the content of another file that has become its second name', async () => {
    const { found, now, skipped, from } = await savedWhile(threeNames(), tree => {
      rmSync(join(tree, 'd/first'));
      writeFileSync(emptied(join(tree, 'second')), 'not linked');
    });
    expectOtherNames(found, now);
    expect(skipped.map(slashed)).toEqual(vanished(from, 'd/first'));
  });

  test('is saved under the last one if the second one vanishes later, before it is packed again', async () => {
    const from = await buildTree(scratch(), { 'tree/0': FILLER, ...threeNames() });
    const inTree = (name: string) => join(from, 'tree', name);
    const runner = disturbedBefore(3, () => rmSync(inTree('d/first')));
    // The frame is packed twice more
    const again = disturbedBefore(4, () => rmSync(inTree('second')), runner);
    const { object, skipped } = await packTree(layoutIn(from), { runner: again });
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    const found = await describeTree(to);
    expect(found['tree/third']).toEqual((await describeTree(from))['tree/third']);
    expect(found['tree/second']).toBeUndefined();
    expect(skipped.map(slashed).sort()).toEqual(vanished(from, 'd/first', 'second'));
  });
});

describe('hard links in other frames than their first name', () => {
  test.each([
    ['small', 'content'],
    ['large', incompressible(WHOLE_FILE_BYTES + 1)],
  ])('share the data of the next name if the first one is %s and vanishes', async (_, content) => {
    const [one, two] = [incompressible(SLICE_BYTES, '1'), incompressible(SLICE_BYTES, '2')];
    const spec = { 'tree/0': FILLER, ...threeNames(content), 'tree/f': one, 'tree/s/x': two };
    const from = await buildTree(scratch(), spec);
    const first = join(from, 'tree/d/first');
    const runner = disturbedBefore(first, () => rmSync(first));
    const { object, skipped } = await packTree(layoutIn(from), { runner });
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    const [found, now] = [await describeTree(to), await describeTree(from)];
    expectOtherNames(found, now);
    expect(found['tree/second']).toMatchObject(secondAndThird);
    expect(found['tree/s/x']).toEqual(now['tree/s/x']);
    expect(skipped.map(slashed)).toEqual(vanished(from, 'd/first'));
  });
});

test(
  'a symlink with several names is saved whatever becomes of them after the scan',
  requires(symlinks),
  async () => {
    const from = await buildTree(scratch(), { 'tree/0': FILLER, 'tree/a': { symlink: 'nowhere' } });
    try {
      linkSync(join(from, 'tree/a'), join(from, 'tree/b'));
    } catch {
      return;
    }
    const runner = disturbedBefore(3, () => rmSync(join(from, 'tree/a')));
    const { object, skipped } = await packTree(layoutIn(from), { runner });
    const to = scratch();
    await restoreBytes(object, layoutIn(to));
    expect(await describeTree(to)).toMatchObject({ 'tree/b': { type: 'symlink', target: 'nowhere' } });
    expect(skipped).toEqual([]);
  },
);

test('a file with several names that is replaced is saved if only one of them is in the tree', async () => {
  const linked = { elsewhere: 'x', 'tree/first': { hardlink: 'elsewhere' } };
  const { found, now } = await savedWhile(linked, tree => {
    writeFileSync(join(tree, 'new'), 'another');
    renameSync(join(tree, 'new'), join(tree, 'first'));
  });
  expect(found['tree/first']).toEqual(now['tree/first']);
});

function emptied(path: string): string {
  rmSync(path, { recursive: true });
  return path;
}
