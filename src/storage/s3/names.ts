import { NameTooLongError } from '../errors.ts';

/** S3's limit for a key, in bytes of UTF-8. */
const LONGEST_NAME_BYTES = 1024;

/** @throws NameTooLongError for a name over 1024 bytes. */
export function checkName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes > LONGEST_NAME_BYTES) {
    throw new NameTooLongError(
      `the object's name has ${bytes} bytes, S3 takes ${LONGEST_NAME_BYTES}: ${name.slice(0, 80)}...`,
    );
  }
  return name;
}

/** Metadata name of the random id by which an upload recognises its own object. */
export const SAVE_ID = 'save-id';

/** ETags travel in quotes; the port's have none. Empty (radosgw after Complete) is undefined. */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replace(/^"(.*)"$/, '$1') || undefined;
}
