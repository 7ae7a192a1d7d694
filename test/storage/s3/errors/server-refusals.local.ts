import { expect, test } from 'vitest';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';
import { expectRefusal, xml } from './expect-refusal.ts';

test.each<[string, ScriptedAnswer, string, string | RegExp]>([
  [
    'a quota of MinIO',
    { status: 400, ...xml('XMinioAdminBucketQuotaExceeded', 'Bucket quota exceeded') },
    "the input 'bucket'",
    'its quota is used up',
  ],
  [
    'a key that is not of Cloudflare R2',
    { status: 400, ...xml('InvalidArgument', 'Credential access key has length 20, should be 32') },
    "the input 'accessKey'",
    'it is not an access key of this server',
  ],
  [
    'a denial with a reason (Backblaze B2)',
    { status: 403, ...xml('AccessDenied', 'Cannot upload files, storage cap exceeded.') },
    "the input 'bucket'",
    '(GetObject: 403 AccessDenied): "Cannot upload files, storage cap exceeded."',
  ],
  [
    'a denial without a reason',
    { status: 403, ...xml('AccessDenied', 'Access Denied') },
    "the input 'bucket'",
    /access is denied to these credentials \(GetObject: 403 AccessDenied\)$/,
  ],
])('the error of %s names the cause', async (_, answer, setting, message) => {
  await expectRefusal(answer, setting, message);
});

test.each<[string, string, ScriptedAnswer, string]>([
  [
    'a part beyond the thousandth (Scaleway)',
    'UploadPart',
    {
      status: 400,
      ...xml('InvalidArgument', 'Part number must be an integer between 1 and 1000, inclusive'),
    },
    'the server does not accept so many parts',
  ],
  [
    'parts of several sizes (Cloudflare R2)',
    'CompleteMultipartUpload',
    { status: 400, ...xml('InvalidPart', 'All non-trailing parts must have the same length.') },
    'the server requires parts of one size',
  ],
])('the refusal of %s names the size of parts', async (_, refused, answer, message) => {
  const server = await scriptedServer(operation => {
    if (operation === refused) return answer;
    if (operation === 'UploadPart') return { headers: { etag: '"e"' } };
    if (operation === 'CreateMultipartUpload') {
      return {
        body: '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>',
      };
    }
    return { status: operation === 'AbortMultipartUpload' ? 204 : 404 };
  });
  const partSizeBytes = 5 * 1024 * 1024;
  const upload = server.store().createUpload('x', { partSizeBytes, onlyIfAbsent: true });
  const failure = await upload
    .write(new Uint8Array(partSizeBytes + 1))
    .then(() => upload.complete())
    .catch(error => error);
  await upload.abort();
  expect(failure).toMatchObject({
    settings: [{ input: 'upload-chunk-size' }],
    message: expect.stringContaining(message),
  });
});
