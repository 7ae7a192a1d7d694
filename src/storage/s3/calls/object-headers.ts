import type { S3Settings } from '../s3-settings.ts';

/** Name of the metadata with the random id by which an upload recognises its own object. */
export const SAVE_ID = 'save-id';

/**
 * Removes the quotes of an ETag, and the mark of a weak one: a reverse proxy that may change the encoding of a body adds it (nginx),
 * and the server behind knows its ETag only without. Returns undefined if it is empty.
 */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replace(/^(?:W\/)?"(.*)"$/, '$1') || undefined;
}

/**
 * Returns the time of a response in ms since 1970. Returns undefined if it has none that can be read, or one that is not after
 * 1970, as servers send for a time that they do not know.
 */
export function knownTime(ms: number | undefined): number | undefined {
  return ms !== undefined && ms > 0 ? ms : undefined;
}

/** Returns the parameters of a call that creates an object: how the server is to encrypt it. */
export function encryptionParameters({ encryption }: S3Settings) {
  if (encryption === undefined) return {};
  const { algorithm, kmsKeyId } = encryption;
  return {
    ServerSideEncryption: algorithm,
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
  };
}
