import { createHash } from 'node:crypto';
import { bareEtag } from '../../calls/object-headers.ts';

/**
 * Returns the ETag of the object that these parts form, in their order: the MD5 of the parts' MD5s, `-` and the number of
 * parts (observed on AWS and radosgw 16.2.15). A server whose ETags are not MD5s has another one.
 */
export function multipartEtag(parts: readonly { readonly ETag?: string | undefined }[]): string {
  const hash = createHash('md5');
  for (const { ETag } of parts) hash.update(Buffer.from(bareEtag(ETag) ?? '', 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}
