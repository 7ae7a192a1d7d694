import { COPY_SUFFIX, MULTIPART_SUFFIX } from '../../cache/keys/trial-names.ts';
import { MIN_PART_BYTES } from '../../storage/part-size.ts';
import { bucketArn } from '../policy/roles.ts';
import { allow, objectsArn } from './explain.ts';
import { makeCheck } from './finding.ts';
import type { Trial } from './trial.ts';

/** Tries an upload in parts: create, send, complete, copy, abort, list. It stores one object of 5 MiB. */
export async function checkMultipart(trial: Trial, canWrite: boolean): Promise<void> {
  const { sdk, bucket, prefixes, root, stored, send, report } = trial;
  if (!canWrite) {
    for (const check of ['multipart', 'copy', 'uploads'])
      report({ check, result: 'skipped', found: 'objects cannot be stored' });
    return;
  }
  const name = `${root}${MULTIPART_SUFFIX}`;
  const store = async () => {
    const upload = await createUpload(trial, name);
    try {
      const Body = Buffer.alloc(MIN_PART_BYTES);
      const part = { ...upload, PartNumber: 1, Body, ContentLength: Body.length };
      const { ETag } = await send('UploadPart', new sdk.UploadPartCommand(part));
      stored.add(name);
      const whole = { ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
      await send('CompleteMultipartUpload', new sdk.CompleteMultipartUploadCommand(whole));
      return 'create, part, complete';
    } catch (error) {
      await abort(trial, upload).catch(() => {});
      throw error;
    }
  };
  const isStored = await makeCheck(report, 'multipart', store, {
    result: 'failed',
    meaning: 'caches of more than one part (16 MiB) cannot be saved.',
    fix: `${allow('s3:PutObject', objectsArn(bucket, prefixes.caches))} A proxy in front must pass POST requests and the query.`,
  });
  if (isStored) await checkCopy(trial, name);
  else report({ check: 'copy', result: 'skipped', found: 'there is no object to copy from' });
  await checkUploads(trial);
}

type TrialUpload = Awaited<ReturnType<typeof createUpload>>;

async function createUpload({ sdk, bucket: Bucket, send }: Trial, Key: string) {
  const command = new sdk.CreateMultipartUploadCommand({ Bucket, Key });
  const { UploadId } = await send('CreateMultipartUpload', command);
  return { Bucket, Key, UploadId };
}

function abort({ sdk, cleanUp }: Trial, upload: TrialUpload): Promise<unknown> {
  return cleanUp('AbortMultipartUpload', new sdk.AbortMultipartUploadCommand(upload));
}

async function checkCopy(trial: Trial, source: string): Promise<void> {
  const { sdk, bucket, prefixes, root, signal, send, report } = trial;
  let upload: TrialUpload | undefined;
  const copy = async () => {
    upload = await createUpload(trial, `${root}${COPY_SUFFIX}`);
    const command = new sdk.UploadPartCopyCommand({
      ...upload,
      PartNumber: 1,
      CopySource: `${bucket}/${source}`,
      CopySourceRange: `bytes=0-${MIN_PART_BYTES - 1}`,
    });
    const { CopyPartResult } = await send('UploadPartCopy', command);
    if (CopyPartResult?.ETag === undefined) throw new Error('the response to UploadPartCopy has no ETag');
    return 'UploadPartCopy';
  };
  const copyOrAbort = () =>
    copy().catch(async error => {
      // After an interrupt the check `abort` does not follow
      if (signal.aborted && upload) await abort(trial, upload).catch(() => {});
      throw error;
    });
  await makeCheck(report, 'copy', copyOrAbort, {
    result: 'limited',
    meaning: 'saves send the whole cache, also where most of it has not changed.',
    fix: `${allow('s3:GetObject and s3:PutObject', objectsArn(bucket, prefixes.caches))} RADOS Gateway 16 refuses it to the keys of a role, whatever the policies allow.`,
  });
  const begun = upload;
  if (begun === undefined) return;
  await makeCheck(report, 'abort', () => abort(trial, begun).then(() => 's3:AbortMultipartUpload'), {
    result: 'limited',
    meaning: 'parts of saves that fail or are cancelled remain, and use space.',
    fix: allow('s3:AbortMultipartUpload', objectsArn(bucket, prefixes.caches)),
  });
}

async function checkUploads({ sdk, bucket, prefixes, send, report }: Trial): Promise<void> {
  const list = async () => {
    const input = { Bucket: bucket, Prefix: prefixes.caches, MaxUploads: 1 };
    await send('ListMultipartUploads', new sdk.ListMultipartUploadsCommand(input));
    return 's3:ListBucketMultipartUploads';
  };
  await makeCheck(report, 'uploads', list, {
    result: 'limited',
    meaning: 'the parts of killed saves are not removed by later saves; a lifecycle rule can do it.',
    fix: allow('s3:ListBucketMultipartUploads', bucketArn(bucket)),
  });
}
