import { NameTooLongError } from './store-errors.ts';

/** S3's limit on an object's name, in bytes of UTF-8. Every store has it: a name that fits one fits all. */
export const MAX_OBJECT_NAME_BYTES = 1024;

/** Returns the name. Throws `NameTooLongError` for one over 1024 bytes. */
export function checkName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_OBJECT_NAME_BYTES) {
    throw new NameTooLongError(
      `the object name has ${bytes} bytes, but S3 allows ${MAX_OBJECT_NAME_BYTES}: ${name.slice(0, 80)}...`,
    );
  }
  return name;
}
