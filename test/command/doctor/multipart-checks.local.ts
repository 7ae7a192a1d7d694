import { expect, test } from 'vitest';
import { findingOf, findingsOf, named } from './findings-of.ts';

/** Refuses one operation. */
const refusing = (refused: string, status: number) => (operation: string) =>
  operation === refused ? status : undefined;

test('doctor reports a reverse proxy without multipart uploads, and copies nothing then', async () => {
  const { findings, server } = await findingsOf({ refuses: refusing('CreateMultipartUpload', 405) });
  expect(named(findings, 'failed')).toEqual(['multipart']);
  expect(findingOf(findings, 'multipart')?.fix).toContain('must pass POST requests');
  expect(named(findings, 'skipped')).toEqual(['copy']);
  expect(server.operations).not.toContain('UploadPartCopy');
});

test.each(['UploadPart', 'CompleteMultipartUpload'])(
  'doctor aborts its upload where %s is refused',
  async operation => {
    const { findings, server } = await findingsOf({ refuses: refusing(operation, 403) });
    expect(named(findings, 'failed')).toEqual(['multipart']);
    expect(server.content.uploads.size).toBe(0);
  },
);

test.each(['empty', 'lengthRequired', 'fails', 'errorInside'] as const)(
  'doctor reports that saves send the whole cache where copies are wrong (%s)',
  async copy => {
    const { findings, server } = await findingsOf({ quirks: { copy } });
    expect(named(findings, 'limited')).toEqual(['copy']);
    expect(findingOf(findings, 'copy')?.meaning).toBe(
      'saves send the whole cache, also where most of it has not changed.',
    );
    expect(server.content.uploads.size).toBe(0);
  },
);

test('doctor reports a copy whose response has no ETag', async () => {
  const { findings } = await findingsOf({
    takeover: operation =>
      operation === 'UploadPartCopy'
        ? (_, to) => void to.end('<CopyPartResult></CopyPartResult>')
        : undefined,
  });
  expect(findingOf(findings, 'copy')).toMatchObject({
    result: 'limited',
    found: 'The response to UploadPartCopy has no ETag.',
  });
});

test('doctor reports that parts of failed saves remain where an upload cannot be aborted', async () => {
  const { findings } = await findingsOf({ refuses: refusing('AbortMultipartUpload', 403) });
  expect(named(findings, 'limited')).toEqual(['abort']);
  expect(findingOf(findings, 'abort')?.fix).toContain('allow s3:AbortMultipartUpload on');
});

test('doctor reports that parts of killed saves remain where uploads cannot be listed', async () => {
  const { findings } = await findingsOf({ refuses: refusing('ListMultipartUploads', 403) });
  expect(named(findings, 'limited')).toEqual(['uploads']);
  expect(findingOf(findings, 'uploads')?.fix).toBe(
    'allow s3:ListBucketMultipartUploads on arn:aws:s3:::bucket in the policy of the credentials or the bucket.',
  );
});
