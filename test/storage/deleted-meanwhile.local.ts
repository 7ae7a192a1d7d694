import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { MiB } from '../support/sizes.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import { jobsOf } from './incremental/jobs.ts';
import { serveStore } from './s3/serve-store.ts';

test('a restore whose object is deleted before any of its requests is a hit or a miss, and a miss changes nothing', async () => {
  const { server, store } = await serveStore();
  const all = jobsOf(store);
  const saver = all.job();
  const tree = { 'tree/a': randomBytes(12 * MiB), 'tree/b': randomBytes(6 * MiB), 'tree/c': 'c' };
  await buildTree(saver.workspace, tree);
  await saver.saveInFull('k');
  const name = saver.objectName('k');
  const object = server.content.objects.get(name)!;

  const outcomes: string[] = [];
  for (let before = 1; outcomes.at(-1) !== 'hit'; before++) {
    server.content.objects.set(name, object);
    let requests = 0;
    server.takeover = operation => {
      if (operation === 'GetObject' && ++requests === before) server.content.objects.delete(name);
      return undefined;
    };
    const job = all.job();
    const { kind } = await job.restore('k', { restoreKeys: [] });
    outcomes.push(kind);
    if (kind === 'hit')
      expect(await describeTree(job.workspace)).toEqual(await describeTree(saver.workspace));
    else expect(existsSync(path.join(job.workspace, 'tree'))).toBe(false);
  }
  // The tail, and some ranges of the data
  expect(outcomes.length).toBeGreaterThan(2);
  expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(['miss']));
});
