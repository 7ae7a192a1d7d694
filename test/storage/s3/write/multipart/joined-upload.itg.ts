import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANY_NAME } from '../../../../support/any-name.ts';
import { s3Client } from '../../../../support/gateway/bucket.ts';
import type { BucketAccess } from '../../../../support/gateway/gateway.ts';
import { gateway, newBucket } from '../../../../support/gateway/shared-gateway.ts';
import { storeFor } from '../../gateway-store.ts';

const first = randomBytes(5 * 1024 * 1024);
const last = randomBytes(1000);
let bucket: BucketAccess;
let client: S3Client;

beforeAll(async () => {
  bucket = await newBucket('joined');
  client = s3Client(gateway(), bucket);
});
afterAll(() => client.destroy());

/** Begins an upload of these parts; `join` completes it. */
async function begin(Key: string, parts: readonly Uint8Array[]) {
  const target = { Bucket: bucket.bucket, Key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const [index, Body] of parts.entries()) {
    const PartNumber = index + 1;
    const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag });
  }
  const join = () =>
    client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
  return { join };
}

test('the sweep keeps the upload that became the object and aborts the others of its name', async () => {
  const store = storeFor(bucket);
  const { join } = await begin('joined', [first, last]);
  await join();
  // A gateway that dies within a Complete leaves the object and the upload of just these parts
  await begin('joined', [first, last]);
  await begin('joined', [first]);
  await begin('joined', []);
  await begin('other', [first, last]);
  expect(await store.abortStale('', 0, ANY_NAME)).toBe(3);
  expect(await store.abortStale('', 0, ANY_NAME)).toBe(0);
  const answer = await store.getRange('joined', { suffix: last.length });
  expect(Buffer.compare(answer!.bytes, last)).toBe(0);
  store.close();
});
