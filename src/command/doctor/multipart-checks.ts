import { COPY_SUFFIX, MULTIPART_SUFFIX } from '../../cache/keys/trial-names.ts';
import { sentenceOf } from '../failure.ts';
import { bucketArn } from '../policy/roles.ts';
import type { Trial } from './check-server.ts';
import { allow, objectsArn } from './explain.ts';

/** S3's smallest part but the last, in bytes. */
const PART_BYTES = 5 * 1024 * 1024;

/** Tries an upload in parts: create, send, complete, copy, abort, list. It stores one object of 5 MiB. */
export async function checkMultipart(trial: Trial, canWrite: boolean): Promise<void> {
  const { sdk, bucket, place, root, stored, call, report } = trial;
  const checks = ['multipart', 'copy', 'uploads'];
  if (!canWrite) {
    for (const check of checks) report({ check, result: 'skipped', found: 'objects cannot be stored' });
    return;
  }
  const name = `${root}${MULTIPART_SUFFIX}`;
  const upload = { Bucket: bucket, Key: name };
  let uploadId: string | undefined;
  let completed = false;
  try {
    const created = await call('CreateMultipartUpload', (client, options) =>
      client.send(new sdk.CreateMultipartUploadCommand(upload), options),
    );
    uploadId = created.UploadId;
    const ref = { ...upload, UploadId: uploadId };
    const part = await call('UploadPart', (client, options) =>
      client.send(
        new sdk.UploadPartCommand({
          ...ref,
          PartNumber: 1,
          Body: Buffer.alloc(PART_BYTES),
          ContentLength: PART_BYTES,
        }),
        options,
      ),
    );
    stored.add(name);
    await call('CompleteMultipartUpload', (client, options) =>
      client.send(
        new sdk.CompleteMultipartUploadCommand({
          ...ref,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
        }),
        options,
      ),
    );
    completed = true;
    report({ check: 'multipart', result: 'ok', found: 'create, part, complete' });
  } catch (error) {
    if (uploadId !== undefined && !completed) await abort(trial, name, uploadId).catch(() => {});
    report({
      check: 'multipart',
      result: 'failed',
      found: sentenceOf(error),
      meaning: 'caches of more than one part (16 MiB) cannot be saved.',
      fix: `${allow('s3:PutObject', objectsArn(bucket, place.caches))} A proxy in front must pass POST requests and the query.`,
    });
  }
  if (completed) await checkCopy(trial, name);
  else report({ check: 'copy', result: 'skipped', found: 'there is no object to copy from' });
  await checkUploads(trial);
}

function abort({ sdk, bucket, cleanUp }: Trial, name: string, uploadId: string) {
  const input = { Bucket: bucket, Key: name, UploadId: uploadId };
  return cleanUp('AbortMultipartUpload', (client, options) =>
    client.send(new sdk.AbortMultipartUploadCommand(input), options),
  );
}

async function checkCopy(trial: Trial, source: string): Promise<void> {
  const { sdk, bucket, place, root, signal, call, report } = trial;
  const name = `${root}${COPY_SUFFIX}`;
  const upload = { Bucket: bucket, Key: name };
  let uploadId: string | undefined;
  try {
    const created = await call('CreateMultipartUpload', (client, options) =>
      client.send(new sdk.CreateMultipartUploadCommand(upload), options),
    );
    uploadId = created.UploadId;
    const copied = await call('UploadPartCopy', (client, options) =>
      client.send(
        new sdk.UploadPartCopyCommand({
          ...upload,
          UploadId: uploadId,
          PartNumber: 1,
          CopySource: `${bucket}/${source}`,
          CopySourceRange: `bytes=0-${PART_BYTES - 1}`,
        }),
        options,
      ),
    );
    if (copied.CopyPartResult?.ETag === undefined)
      throw new Error('the response to UploadPartCopy has no ETag');
    report({ check: 'copy', result: 'ok', found: 'UploadPartCopy' });
  } catch (error) {
    if (signal.aborted && uploadId !== undefined) await abort(trial, name, uploadId).catch(() => {});
    report({
      check: 'copy',
      result: 'limited',
      found: sentenceOf(error),
      meaning: 'saves send the whole cache, also where most of it has not changed.',
      fix: `${allow('s3:GetObject and s3:PutObject', objectsArn(bucket, place.caches))} RADOS Gateway 16 refuses it to the keys of a role, whatever the policies allow.`,
    });
  }
  if (uploadId === undefined) return;
  try {
    await abort(trial, name, uploadId);
    report({ check: 'abort', result: 'ok', found: 's3:AbortMultipartUpload' });
  } catch (error) {
    report({
      check: 'abort',
      result: 'limited',
      found: sentenceOf(error),
      meaning: 'parts of saves that fail or are cancelled remain, and cost space.',
      fix: allow('s3:AbortMultipartUpload', objectsArn(bucket, place.caches)),
    });
  }
}

async function checkUploads({ sdk, bucket, place, call, report }: Trial): Promise<void> {
  try {
    const input = { Bucket: bucket, Prefix: place.caches, MaxUploads: 1 };
    await call('ListMultipartUploads', (client, options) =>
      client.send(new sdk.ListMultipartUploadsCommand(input), options),
    );
    report({ check: 'uploads', result: 'ok', found: 's3:ListBucketMultipartUploads' });
  } catch (error) {
    report({
      check: 'uploads',
      result: 'limited',
      found: sentenceOf(error),
      meaning: 'the parts of killed saves are not removed by later saves; a lifecycle rule can do it.',
      fix: allow('s3:ListBucketMultipartUploads', bucketArn(bucket)),
    });
  }
}
