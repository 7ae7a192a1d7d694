import { expect, test } from 'vitest';
import type { S3Settings } from '../../../../src/storage/s3/s3-settings.ts';
import { gateway, newBucket } from '../../../support/gateway/shared-gateway.ts';
import { incompressible } from '../../../support/random.ts';
import { MiB } from '../../../support/sizes.ts';
import { buildTree, describeTree } from '../../../support/tree.ts';
import { jobsOf } from '../../incremental/jobs.ts';
import { storeFor } from '../gateway-store.ts';

test('workers read over https from a server whose authority is in ca-file', async () => {
  const bucket = await newBucket('range-fetcher');
  const { tlsEndpoint, caFile } = gateway();
  const secure: Partial<S3Settings> = { endpoint: new URL(tlsEndpoint), caFile };
  const [store, reading] = [storeFor(bucket), storeFor(bucket, secure)];
  const all = jobsOf(store);
  const saved = all.job();
  await buildTree(saved.workspace, { 'tree/a': { content: incompressible(18 * MiB, 'a') } });
  await saved.saveInFull('k');
  const job = all.job({ store: reading });
  expect(await job.restore('k')).toMatchObject({ kind: 'hit' });
  expect(await describeTree(job.workspace)).toEqual(await describeTree(saved.workspace));
  // That of the object's end, and those of the workers
  expect(reading.counters.requests).toBeGreaterThan(2);
  expect(reading.counters.retries).toBe(0);
  for (const one of [store, reading]) one.close();
});
