import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Upload } from '../../../../../src/storage/object-store.ts';
import { silentLog } from '../../../../support/silent-log.ts';
import { MiB } from '../../../../support/sizes.ts';
import { type ScriptedAnswer, type ScriptedServer, scriptedServer } from '../../scripted-server.ts';

const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';

export const COMPLETED =
  '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>';

export type CompleteAnswer = ScriptedAnswer | 'silent' | 'reset';

/**
 * Begins an upload of two parts to a server that gives these answers to its Completes, the last one for ever, and
 * `headAfterComplete` ('ours': the object of this upload) to the HEADs that follow, and `abortAnswer` to its Abort.
 */
export async function uploadWith(
  answers: readonly (CompleteAnswer | Promise<CompleteAnswer>)[],
  signal = new AbortController().signal,
  headAfterComplete: CompleteAnswer | 'ours' = { status: 404 },
  abortAnswer: CompleteAnswer = { status: 204 },
) {
  const left = [...answers];
  const notices: string[] = [];
  let published = 0;
  let saveId = '';
  let signedAt = '';
  const server: ScriptedServer = await scriptedServer((operation, { headers }) => {
    signedAt = String(headers['x-amz-date']);
    switch (operation) {
      case 'CreateMultipartUpload':
        saveId = String(headers['x-amz-meta-save-id']);
        return { body: CREATED };
      case 'UploadPart':
        return { headers: { etag: '"part"' } };
      case 'CompleteMultipartUpload':
        return (left.length > 1 ? left.shift() : left[0])!;
      case 'AbortMultipartUpload':
        return abortAnswer;
      default:
        if (!server.operations.includes('CompleteMultipartUpload')) return { status: 404 };
        if (headAfterComplete !== 'ours') return headAfterComplete;
        return { headers: { etag: '"e"', 'x-amz-meta-save-id': saveId, 'content-length': 6 * MiB } };
    }
  });
  const log = { ...silentLog, notice: (line: string) => notices.push(line) };
  const upload: Upload = server.store({ attempts: 2 }, { log }).createUpload('x', {
    partSizeBytes: 5 * MiB,
    onlyIfAbsent: true,
    onPublish: () => published++,
    signal,
  });
  await upload.write(randomBytes(6 * MiB));
  const aborts = () => server.operations.filter(operation => operation === 'AbortMultipartUpload').length;
  return { server, upload, notices, aborts, published: () => published, signedAt: () => signedAt };
}

/** Aborts the signal when the server has received the Complete; then the server answers. */
export async function cancelledInComplete(answer: CompleteAnswer) {
  const controller = new AbortController();
  const held = Promise.withResolvers<CompleteAnswer>();
  const given = await uploadWith([held.promise], controller.signal);
  const end = given.upload.complete();
  end.catch(() => {});
  await expect
    .poll(() => given.server.operations.at(-1), { timeout: 20_000 })
    .toBe('CompleteMultipartUpload');
  controller.abort(new Error('cancelled'));
  held.resolve(answer);
  return { ...given, end };
}

/** The notices of an upload that is left as it is. */
export const LEFT = [
  expect.stringContaining('It is not known whether x was stored, so its upload is not aborted'),
];
