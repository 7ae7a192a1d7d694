import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { allow, objectsArn } from './explain.ts';
import { makeCheck } from './finding.ts';
import type { Trial } from './trial.ts';

/** The content of a trial object. */
export const TRIAL_CONTENT = Buffer.from('0123456789');

/** Checks that a response has the ETag of its object. */
export function checkEtag({ report }: Trial, etag: string | undefined): void {
  if (etag) {
    report({ check: 'ETag', result: 'ok', found: 'the server sends it' });
    return;
  }
  report({
    check: 'ETag',
    result: 'failed',
    found: 'The response to a stored object has no ETag.',
    meaning: 'no save and no restore works: the ETag shows that two ranges are of one object.',
    fix: 'configure the proxy in front of the server to pass the header ETag (nginx: no proxy_hide_header ETag, no etag off).',
  });
}

/** Reads an object. Returns the status of a refused condition or range in place of an error. */
async function get({ sdk, isStatus, bucket, call }: Trial, name: string, extra: object) {
  try {
    return await call('GetObject', async (client, options) => {
      const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: name, ...extra });
      const streamed = { ...options, maxBodyBytes: 'stream' as const };
      const { Body, ETag, $metadata } = await client.send(command, streamed);
      const bytes = await buffer(Body as Readable);
      return { status: $metadata.httpStatusCode ?? 0, bytes, etag: ETag };
    });
  } catch (error) {
    const { cause } = error as Error;
    if (!isStatus(cause, 412, 416)) throw error;
    return { status: cause.status, bytes: Buffer.alloc(0), etag: undefined };
  }
}

/** Checks reads for credentials that cannot store a trial object: reads the first object that they can list. */
export async function checkForeignReads(trial: Trial, canList: boolean): Promise<void> {
  const { sdk, bucket, prefixes, send, report } = trial;
  const command = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: prefixes.caches, MaxKeys: 1 });
  const listed = canList ? await send('ListObjectsV2', command) : undefined;
  const name = listed?.Contents?.[0]?.Key;
  if (name !== undefined) return checkReads(trial, name, undefined);
  for (const check of ['head', 'get', 'ranges']) {
    report({ check, result: 'skipped', found: 'there is no object to read' });
  }
}

/** Checks HEAD, GET and ranges of an object. `etag` is the result of its PUT. Undefined if the trial has not stored it. */
export async function checkReads(trial: Trial, name: string, etag: string | undefined): Promise<void> {
  const { sdk, bucket, prefixes, send, report } = trial;
  const refused = {
    result: 'failed',
    meaning: 'jobs with these credentials cannot restore caches.',
    fix: allow('s3:GetObject', objectsArn(bucket, prefixes.caches)),
  } as const;
  let sizeBytes: number | undefined;
  const head = async () => {
    const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: name });
    sizeBytes = (await send('HeadObject', command)).ContentLength;
    if (sizeBytes !== undefined) return `${sizeBytes} bytes`;
    return {
      result: 'limited',
      found: 'The response to HEAD has no length.',
      meaning: 'each lookup of an object takes one more request.',
      fix: 'configure the proxy in front of the server to pass Content-Length (no chunked encoding of HEAD).',
    } as const;
  };
  await makeCheck(report, 'head', head, refused);
  let range: Awaited<ReturnType<typeof get>> | undefined;
  const read = async () => {
    range = await get(trial, name, { Range: 'bytes=0-9' });
    if (etag === undefined) checkEtag(trial, range.etag);
    return 's3:GetObject';
  };
  await makeCheck(report, 'get', read, refused);
  if (range) await checkRanges(trial, name, range, sizeBytes ?? TRIAL_CONTENT.length);
}

/** Checks the response to a range of ten bytes, and a suffix that is longer than the object. */
async function checkRanges(
  trial: Trial,
  name: string,
  { status, bytes }: Awaited<ReturnType<typeof get>>,
  sizeBytes: number,
): Promise<void> {
  const failed = {
    result: 'failed',
    meaning: 'restores read parts of objects, so they fail.',
    fix: 'configure the proxy in front of the server to pass the header Range (nginx: proxy_force_ranges, no gzip).',
  } as const;
  const readSuffix = async () => {
    if (status !== 206 || bytes.length > 10) {
      const found = `The response to a range of 10 bytes was ${status} with ${bytes.length} bytes.`;
      return { ...failed, found };
    }
    const suffix = await get(trial, name, { Range: `bytes=-${sizeBytes + 10}` });
    if (suffix.status !== 416) return 'ranges and long suffixes';
    return {
      result: 'limited',
      found: 'The response to a suffix longer than the object is 416.',
      meaning: 'each exact hit takes one more request.',
      fix: 'nothing has to be changed.',
    } as const;
  };
  await makeCheck(trial.report, 'ranges', readSuffix, failed);
}
