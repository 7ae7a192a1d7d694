import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expectTree, jobsOf, reused } from '../storage/incremental/jobs.ts';
import { settingsFor } from '../storage/s3/gateway-store.ts';
import { openStore } from '../storage/s3/support.ts';
import { s3Client } from '../support/gateway/bucket.ts';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket, sharedGatewayNeed } from '../support/gateway/shared-gateway.ts';
import { requires } from '../support/platform-needs.ts';
import { MiB } from '../support/sizes.ts';
import { buildTree } from '../support/tree.ts';

function jobsWith(access: BucketAccess) {
  const store = openStore(settingsFor(access));
  onTestFinished(() => store.close());
  return jobsOf(store);
}

describe('radosgw with objects of another user', requires(sharedGatewayNeed), () => {
  test('restores a cache that the policy allows to read, and saves the next one in full', async () => {
    const owner = await newBucket('owned');
    const Resource = [`arn:aws:s3:::${owner.bucket}`, `arn:aws:s3:::${owner.bucket}/*`];
    const Statement = [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource }];
    const client = s3Client(gateway(), owner);
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: owner.bucket, Policy }));
    client.destroy();
    const key = randomUUID();
    const first = jobsWith(owner).job();
    const files = Array.from({ length: 12 }, (_, index) => [`tree/${index}`, randomBytes(MiB)] as const);
    await buildTree(first.workspace, Object.fromEntries(files));
    expect(await first.save(key)).toMatchObject({ kind: 'saved' });

    const others = jobsWith({ ...gateway().other, bucket: owner.bucket });
    const second = others.job();
    expect(await second.restore(`${key}-2`, { restoreKeys: [key] })).toMatchObject({ kind: 'hit' });
    fs.writeFileSync(path.join(second.workspace, 'tree/1'), 'changed');
    const outcome = await second.save(`${key}-2`);
    expect(outcome).toMatchObject({ kind: 'saved' });
    // radosgw 16.2.15 refuses the copy by 403
    expect(reused(outcome)).toBe(0);
    await expectTree(others.job(), `${key}-2`, second);
  });
});
