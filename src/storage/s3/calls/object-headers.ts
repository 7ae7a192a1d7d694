import type { S3Settings } from '../s3-settings.ts';

/** Name of the metadata with the random id by which an upload recognises its own object. */
export const SAVE_ID = 'save-id';

/**
 * Removes the quotes of an ETag, and the mark of a weak one. A reverse proxy that may change the encoding of a body adds this mark
 * (nginx), and the server behind it does not accept the mark. Returns undefined if there is no ETag.
 */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replace(/^(?:W\/)?"(.*)"$/, '$1') || undefined;
}

/** Returns the parameters for the encryption of a new object by the server. */
export function encryptionParameters({ encryption }: S3Settings) {
  if (encryption === undefined) return {};
  const { algorithm, kmsKeyId } = encryption;
  return {
    ServerSideEncryption: algorithm,
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
  };
}
