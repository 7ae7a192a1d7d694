import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { WorkerPool } from '../../src/archive/pool/worker-pool.ts';
import { linux, requires } from '../support/platform-needs.ts';
import { incompressible } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../support/tree.ts';
import { layoutIn, packTree, restoreBytes, WORKER_URL } from './support/archives.ts';

const inFrames: TreeSpec = {
  'tree/a-large': incompressible(20 * 1024 * 1024 + 17),
  'tree/b-large': Buffer.alloc(9 * 1024 * 1024),
  'tree/c-whole': incompressible(8 * 1024 * 1024),
  'tree/d-just-over': incompressible(8 * 1024 * 1024 + 1, '7'),
  'tree/e-small': 'after the large ones',
  'tree/f-slices': incompressible(12 * 1024 * 1024, '3'),
};

describe('files over several frames are restored', () => {
  test('without workers', async () => {
    const [from, to] = [scratch(), scratch()];
    await buildTree(from, inFrames);
    const { object } = await packTree(layoutIn(from));
    await restoreBytes(object, layoutIn(to));
    expect(await describeTree(to)).toEqual(await describeTree(from));
  });

  test('by worker threads, from several ranges', async () => {
    const [from, to] = [scratch(), scratch()];
    await buildTree(from, inFrames);
    const saver = new WorkerPool(WORKER_URL, 2);
    const { object } = await packTree(layoutIn(from), { runner: saver });
    await saver.close();
    const reads: [number, number][] = [];
    await restoreBytes(object, layoutIn(to), {
      runner: () => new WorkerPool(WORKER_URL, 2),
      tailBytes: 1024,
      onRead: (start, end) => reads.push([start, end]),
    });
    expect(await describeTree(to)).toEqual(await describeTree(from));
    expect(reads.length).toBeGreaterThan(2);
  });

  test('with holes in place of zeros', requires(linux), async () => {
    const [from, to] = [scratch(), scratch()];
    mkdirSync(join(from, 'tree'));
    const content = Buffer.alloc(24 * 1024 * 1024);
    content.write('not zero', 10 * 1024 * 1024);
    writeFileSync(join(from, 'tree/sparse'), content);
    const { object } = await packTree(layoutIn(from));
    expect(object.length).toBeLessThan(10_000);
    await restoreBytes(object, layoutIn(to));
    expect(readFileSync(join(to, 'tree/sparse')).equals(content)).toBe(true);
    expect(statSync(join(to, 'tree/sparse')).blocks * 512).toBeLessThan(1024 * 1024);
  });
});
