import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Quirks } from '../../support/servers/memory-store.ts';
import { MiB } from '../../support/sizes.ts';
import { buildTree } from '../../support/tree.ts';
import { expectTree, jobsOf } from '../incremental/jobs.ts';
import { serveStore } from '../s3/serve-store.ts';

/** Jobs whose caches are on a server with these quirks. */
async function fleetOn(quirks: Quirks) {
  const { server, store } = await serveStore(quirks);
  return { all: jobsOf(store), server };
}

const puts = ({ operations }: { operations: readonly string[] }) =>
  operations.filter(operation => operation === 'PutObject' || operation === 'UploadPart').length;

test.each([
  ['8 MiB, as a whole object is larger', 8 * MiB],
  ['5 MiB, the least size of a part', 5 * MiB],
])('a cache of 12 MB is saved through a proxy that takes bodies up to %s', async (_, maxBodyBytes) => {
  const { all, server } = await fleetOn({ maxBodyBytes });
  const job = all.job();
  await buildTree(job.workspace, { 'tree/a': randomBytes(12 * MiB) });
  expect(await job.save('k')).toMatchObject({ kind: 'saved' });
  expect(job.lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^info: The save starts again with smaller parts: .* refuses a body of \d+ bytes/,
      ),
    ]),
  );
  await expectTree(all.job(), 'k', job);
  // The next save knows the limit
  const before = puts(server);
  const next = all.job();
  await buildTree(next.workspace, { 'tree/a': randomBytes(12 * MiB) });
  expect(await next.save('k-next')).toMatchObject({ kind: 'saved' });
  expect(next.lines).toEqual([]);
  expect(puts(server) - before).toBeLessThanOrEqual(3);
});

test('a cache that no part of S3 fits through a proxy is not saved, and the reason names the limit', async () => {
  const { all } = await fleetOn({ maxBodyBytes: MiB });
  const job = all.job();
  await buildTree(job.workspace, { 'tree/a': randomBytes(3 * MiB) });
  const outcome = await job.save('k');
  expect(outcome).toMatchObject({
    kind: 'refused',
    error: { settings: ['the limit on the size of a body'] },
  });
});
