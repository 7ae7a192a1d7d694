import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Job } from '../../../src/archive/messages/job.ts';
import type { PackJob } from '../../../src/archive/messages/pack-job.ts';
import { InlineRunner, type JobRunner } from '../../../src/archive/pool/worker-pool.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { incompressible, layoutIn, packTree, restoreObject } from '../support/archives.ts';
import { scratch } from '../support/scratch.ts';

/** Removes files after the scan has seen them, right before their frame is read. */
function vanishing(files: (paths: string) => readonly string[]): JobRunner {
  const inner = new InlineRunner();
  const run = (job: Job) => {
    for (const file of files((job as PackJob).paths)) rmSync(file);
    return inner.run(job as PackJob);
  };
  return { width: 1, run: run as JobRunner['run'], close: () => inner.close() };
}

test('a frame whose files have all vanished is no frame of the archive', async () => {
  const root = scratch();
  const file = (name: string) => path.join(root, 'one/tree', name);
  const names = ['1.bin', '2.bin', '3.bin', '4.bin', '5.bin', '6.bin'];
  await buildTree(
    path.join(root, 'one/tree'),
    Object.fromEntries(names.map(name => [name, incompressible(1_500_000, name)])),
  );
  const gone = new Set<string>();
  const packed = await packTree(await layoutIn(path.join(root, 'one')), {
    // whatever is in a frame that does not begin the tree
    runner: vanishing(paths => {
      if (paths.includes('1.bin')) return [];
      const found = names.filter(name => paths.includes(name) && !gone.has(name));
      for (const name of found) gone.add(name);
      return found.map(file);
    }),
  });
  expect(gone.size).toBeGreaterThan(1);
  expect(packed.skipped).toHaveLength(gone.size);

  await buildTree(path.join(root, 'two'), {});
  await restoreObject(packed.object, await layoutIn(path.join(root, 'two')));
  const { tree: _directory, ...files } = await describeTree(path.join(root, 'two'));
  expect(Object.keys(files)).toEqual(names.filter(name => !gone.has(name)).map(name => `tree/${name}`));
});
