import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildTree } from '../../support/tree.ts';
import { ballast, jobsOf } from './jobs.ts';

test('an incremental save packs no empty file or directory again whose time a restore has set', async () => {
  const { job } = jobsOf();
  const first = job();
  await buildTree(first.workspace, ballast);
  // Each has the time of its own moment, of which not every system can set each
  for (let index = 0; index < 200; index++) {
    const directory = path.join(first.workspace, 'tree/empty', String(index));
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, 'file'), '');
  }
  await first.saveInFull('k-1');
  const second = job();
  await second.restore('none');
  writeFileSync(path.join(second.workspace, 'tree/new'), 'new');
  expect(await second.save('k-2')).toMatchObject({ kind: 'saved' });
  const [{ manifest }, base] = [await second.open('k-2'), await second.open('k-1')];
  const packed = manifest.frames.slice(base.manifest.frames.length);
  // The changed directory and the new file
  expect(packed.reduce((sum, { rawSize }) => sum + rawSize, 0)).toBeLessThan(8 * 1024);
});
