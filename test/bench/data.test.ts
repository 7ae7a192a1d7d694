import * as fs from 'node:fs/promises';
import path from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { choose } from '../../bench/data/binaries.ts';
import type { Corpus } from '../../bench/data/corpus.ts';
import { dataSet } from '../../bench/data/data-set.ts';
import { writeIncompressible } from '../../bench/data/incompressible.ts';
import { planSmallFiles, writeSmallFiles } from '../../bench/data/small-files.ts';
import { posix, requires } from '../support/platform-needs.ts';
import { SeededRandom } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { describeTree } from '../support/tree.ts';

const corpus: Corpus = {
  packages: [
    {
      name: '@scope/one',
      files: [
        { name: 'index.js', kind: 'js', size: 3000 },
        { name: 'package.json', kind: 'json', size: 500 },
      ],
    },
    { name: 'two', files: [{ name: 'lib/two.js', kind: 'js', size: 100 }] },
  ],
  text: new Map([
    ['js', Buffer.from('const value = 1;\n'.repeat(1000))],
    ['json', Buffer.from('{"name": "x"}\n'.repeat(1000))],
  ]),
};

let directory: string;
beforeEach(() => {
  directory = scratch();
});

test('the plan has the requested count and sum, with unique names', () => {
  const plan = planSmallFiles(corpus, { files: 10, bytes: 50_000, seed: 1 }).flat();
  expect(plan).toHaveLength(10);
  expect(new Set(plan.map(({ name }) => name)).size).toBe(10);
  const sum = plan.reduce((total, { size }) => total + size, 0);
  expect(Math.abs(sum - 50_000)).toBeLessThan(10);
});

// The tree has symbolic links, which need a privilege on Windows
test('the same seed gives the same tree, and another seed another one', requires(posix), async () => {
  const write = async (name: string, seed: number) => {
    writeSmallFiles(path.join(directory, name), corpus, { files: 10, bytes: 50_000, seed });
    const entries = Object.entries(await describeTree(path.join(directory, name)));
    // Directories and links have the time of their creation
    return entries.map(([entry, { mtime, ...rest }]) => [
      entry,
      rest.type === 'file' ? { ...rest, mtime } : rest,
    ]);
  };
  const first = await write('first', 7);
  expect(await write('again', 7)).toEqual(first);
  expect(await write('other', 8)).not.toEqual(first);
});

test('writeIncompressible writes a file of the given size that does not compress', async () => {
  const file = path.join(directory, 'random');
  writeIncompressible(file, 100_001, 1);
  const content = await fs.readFile(file);
  expect(content).toHaveLength(100_001);
  expect(zstdCompressSync(content).length).toBeGreaterThan(100_000);
});

test('programs are chosen up to the count, and almost up to the bytes', () => {
  const random = new SeededRandom(3);
  const found = Array.from({ length: 400 }, (_, index) => ({
    file: `/usr/lib/${index}`,
    size: index % 8 === 0 ? (1 << 20) + random.below(8 << 20) : 1000 + random.below(200_000),
  }));
  const chosen = choose(found, 50e6, '/node', { files: 600, bytes: 250e6, seed: 1 });
  expect(chosen).toHaveLength(600);
  expect(chosen.filter(({ file }) => file === '/node')).toHaveLength(1);
  const sum = chosen.reduce((total, { size }) => total + size, 0);
  expect(sum).toBeGreaterThan(0.95 * 250e6);
  expect(sum).toBeLessThan(1.05 * 250e6);
});

test('a data set is made once, and an unfinished one is removed', async () => {
  let calls = 0;
  const make = () =>
    dataSet(directory, 'set', async root => {
      calls++;
      await fs.writeFile(path.join(root, 'file'), 'four');
    });
  const first = await make();
  expect(await make()).toEqual(first);
  expect(calls).toBe(1);
  expect(first).toMatchObject({ files: 1, bytes: 4 });

  const failing = dataSet(directory, 'other', () => {
    throw new Error('no space');
  });
  await expect(failing).rejects.toThrow('no space');
  await expect(fs.stat(path.join(directory, 'other'))).rejects.toThrow('ENOENT');
});
