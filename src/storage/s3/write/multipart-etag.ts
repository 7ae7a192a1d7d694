import { createHash } from 'node:crypto';
import { bareEtag } from '../calls/object-headers.ts';

/**
 * The ETag of an object that was joined of these parts, in their order: the MD5 of the parts' MD5s, `-` and how many there
 * are (AWS, radosgw 16.2.15: observed). Something else of a server whose ETags are no MD5s.
 */
export function multipartEtag(parts: readonly { readonly ETag?: string | undefined }[]): string {
  const hash = createHash('md5');
  for (const { ETag } of parts) hash.update(Buffer.from(bareEtag(ETag) ?? '', 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}
